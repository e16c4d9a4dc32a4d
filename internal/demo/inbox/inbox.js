// The inbox follows what arrives. Without this file it is read again by hand.
let reading = false, again = false;
async function follow() {
  if (reading) { again = true; return; }
  reading = true;
  try {
    do {
      again = false;
      const answer = await fetch(location.href, { cache: "no-store" });
      if (!answer.ok) break;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const main = document.getElementById("main");
      const open = [...main.querySelectorAll("details[open][id]")].map((d) => d.id);
      const focused = main.contains(document.activeElement) ? document.activeElement.id : "";
      main.replaceChildren(...fresh.getElementById("main").childNodes);
      for (const id of open) document.getElementById(id)?.setAttribute("open", "");
      if (focused) document.getElementById(focused)?.focus();
    } while (again);
  } catch { /* the demo has ended, or the next hint reads again */ } finally { reading = false; }
}
new EventSource("/live?since=" + document.getElementById("main").dataset.changes).addEventListener("changed", follow);
