// Landfall in a browser with scripts: pages follow what happens, buttons are pressed once, and what is typed survives a lost connection.
// Everything works without this file.

const words = document.body.dataset;
const bar = document.getElementById("follow");

// say shows a line at the foot of the page for a while; "" takes it away.
let quiet;
function say(text, lasting) {
  clearTimeout(quiet);
  bar.textContent = text;
  bar.hidden = text === "";
  if (text && !lasting) quiet = setTimeout(() => say(""), 6000);
}

// Pages follow: on a hint the page is read again, and its parts (elements with data-part and an id) that differ are replaced. A part that
// somebody is working in, that is one with focus or with something typed, is left alone.
const dirty = new WeakSet();
addEventListener("input", (e) => { for (let n = e.target; n; n = n.parentElement) dirty.add(n); });

async function refresh() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
  if (answer.redirected && new URL(answer.url).pathname === "/sign-in") { location.reload(); return; }
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  let changed = false;
  // Parts that came or went: the page is another one now. It is taken whole, unless somebody is typing in it.
  const parts = (page) => [...page.querySelectorAll("[data-part]")].map((part) => part.id).join(" ");
  const main = document.getElementById("main");
  if (parts(fresh) !== parts(document) && !dirty.has(main) && !main.querySelector("input:focus, textarea:focus, select:focus")) {
    main.replaceChildren(...fresh.getElementById("main").childNodes);
    changed = true;
  }
  for (const part of document.querySelectorAll("[data-part]")) {
    const next = fresh.getElementById(part.id);
    if (!next || next.outerHTML === part.dataset.was || part.isEqualNode(next)) continue;
    if (dirty.has(part) || (part.contains(document.activeElement) && part.querySelector("input, textarea, select"))) continue;
    const open = [...part.querySelectorAll("details[open][id]")].map((d) => d.id);
    part.replaceWith(next);
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    next.classList.add("changed");
    changed = true;
  }
  if (changed) say(words.updated.replace("@", new Date().toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" })));
}

// One refresh at a time, and one more when hints came meanwhile.
let reading = false, again = false;
async function follow() {
  if (reading) { again = true; return; }
  reading = true;
  try { do { again = false; await refresh(); } while (again); } catch { /* offline: the next hint or focus reads again */ } finally { reading = false; }
}

if (words.live) {
  const feed = new EventSource("/live?of=" + encodeURIComponent(words.live));
  let lost = false;
  feed.addEventListener("changed", follow);
  feed.addEventListener("open", () => { document.documentElement.dataset.following = "yes"; if (lost) { lost = false; say(""); follow(); } });
  feed.addEventListener("error", () => { lost = true; delete document.documentElement.dataset.following; if (!navigator.onLine) say(words.offline, true); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) follow(); });
}
addEventListener("offline", () => say(words.offline, true));
addEventListener("online", () => say(""));

// A button is pressed once. Coming back to the page sets it free.
addEventListener("submit", (e) => {
  if (e.target.dataset.sent) { e.preventDefault(); return; }
  e.target.dataset.sent = "yes";
  e.submitter?.setAttribute("aria-busy", "true");
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    form.querySelector("[aria-busy]")?.removeAttribute("aria-busy");
  }
});

// What is typed into a form with data-draft is kept on this device, under its hidden key's page, until the form has been taken.
const prefix = "draft ";
const now = new URLSearchParams(location.search);
if (now.has("done")) {
  const sent = sessionStorage.getItem("sent");
  if (sent) localStorage.removeItem(sent);
  sessionStorage.removeItem("sent");
}
for (const form of document.querySelectorAll("form[data-draft]")) {
  const name = prefix + form.dataset.draft;
  const fields = () => [...form.elements].filter((f) => f.name && f.type !== "hidden" && f.type !== "password" && f.type !== "submit");
  const refused = document.querySelector(".note.bad[role=alert]");
  let kept = null;
  try { kept = JSON.parse(localStorage.getItem(name) ?? "null"); } catch { localStorage.removeItem(name); }
  if (kept && !refused) {
    for (const f of fields()) {
      if (!(f.name in kept)) continue;
      if (f.type === "radio" || f.type === "checkbox") f.checked = kept[f.name].includes(f.value);
      else f.value = kept[f.name][0] ?? "";
    }
    const note = document.createElement("p");
    note.className = "note info";
    note.textContent = words.draft + " ";
    const drop = document.createElement("button");
    drop.type = "button";
    drop.className = "quiet";
    drop.textContent = words.discard;
    drop.addEventListener("click", () => { localStorage.removeItem(name); location.reload(); });
    note.append(drop);
    form.prepend(note);
  }
  form.addEventListener("input", () => {
    const typed = {};
    for (const f of fields()) {
      if ((f.type === "radio" || f.type === "checkbox") && !f.checked) { typed[f.name] ??= []; continue; }
      (typed[f.name] ??= []).push(f.value);
    }
    try { localStorage.setItem(name, JSON.stringify(typed)); } catch { /* no room: the form works without */ }
  });
  form.addEventListener("submit", () => sessionStorage.setItem("sent", name));
}

// A button with data-count says the number that stands in that field of its form, in the words of data-counted, where @ is the number.
for (const button of document.querySelectorAll("button[data-count]")) {
  const plain = button.textContent, field = button.form.elements[button.dataset.count];
  const show = () => {
    const n = field.value.replace(/[\s.,\u00a0\u202f]/g, "");
    button.textContent = /^[1-9]\d*$/.test(n) ? button.dataset.counted.replace("@", Number(n).toLocaleString(document.documentElement.lang)) : plain;
  };
  field.addEventListener("input", show);
  show();
}
