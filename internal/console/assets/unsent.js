// A form that cannot be sent stays on the page. Before it is sent, its fields are kept for this tab (sessionStorage), with the key under which the
// service records it once; when there is no connection that is said, and it is sent again with the same key. Fields of type password are
// never kept. Everything works without this file.

const words = document.body.dataset;
const prefix = "unsent ";
const nameOf = (form) => prefix + location.pathname + " " + new URL(form.action).pathname;
const forms = () => [...document.querySelectorAll("main form[method=post]")];

// fieldsOf gives what is kept of a form: not what version of the record was seen, which a page that is read again knows better.
const fieldsOf = (form) => [...form.elements].filter((f) => f.name && f.name !== "etag" && !["password", "submit", "button"].includes(f.type));

// keep keeps a form: begun says that the browser is sending it.
function keep(form, submitter, begun) {
  if (form.querySelector("input[type=password]")) return;
  const fields = fieldsOf(form).filter((f) => (f.type !== "radio" && f.type !== "checkbox") || f.checked).map((f) => [f.name, f.value]);
  try {
    sessionStorage.setItem(nameOf(form), JSON.stringify({ begun, fields, press: submitter?.name ? [submitter.name, submitter.value] : null }));
  } catch { /* no room: the form works without */ }
}

function restore(form, kept) {
  const values = {};
  for (const [name, value] of kept.fields) (values[name] ??= []).push(value);
  for (const f of fieldsOf(form)) {
    if (f.type === "radio" || f.type === "checkbox") f.checked = (values[f.name] ?? []).includes(f.value);
    else if (f.name in values) f.value = values[f.name].shift() ?? f.value;
  }
  for (const folded of form.querySelectorAll("details")) if ([...folded.querySelectorAll("input, textarea, select")].some((f) => f.value && f.type !== "radio" && f.type !== "checkbox")) folded.open = true;
}

// tell says in front of a form that it was not sent, and offers to send it again.
function tell(form, submitter) {
  form.querySelector(".unsent")?.remove();
  const note = document.createElement("div");
  note.className = "note bad unsent";
  note.setAttribute("role", "alert");
  const text = document.createElement("p");
  text.textContent = words.unsent;
  const again = document.createElement("button");
  again.type = "button";
  again.textContent = words.again;
  again.addEventListener("click", () => form.requestSubmit(submitter ?? undefined));
  note.append(text, again);
  form.prepend(note);
  note.scrollIntoView({ block: "center" });
}

// reachable reports whether the service answers anything at all. One that is slow is left to the browser.
async function reachable() {
  if (!navigator.onLine) return false;
  const slow = new AbortController(), timer = setTimeout(() => slow.abort(), 5000);
  try {
    await fetch(document.querySelector("link[rel=icon]").href, { method: "HEAD", cache: "no-store", signal: slow.signal });
    return true;
  } catch {
    return slow.signal.aborted;
  } finally {
    clearTimeout(timer);
  }
}

const checked = new WeakSet(), checking = new WeakSet();
addEventListener("submit", async (e) => {
  const form = e.target;
  if (form.method !== "post" || !form.closest("main") || e.defaultPrevented || form.dataset.sent || checked.delete(form)) return;
  const submitter = e.submitter?.form === form && e.submitter.type === "submit" ? e.submitter : null;
  if (navigator.onLine && document.documentElement.dataset.following === "yes") { keep(form, submitter, true); return; }
  e.preventDefault();
  e.stopImmediatePropagation();
  if (checking.has(form)) return;
  checking.add(form);
  keep(form, submitter, false);
  const ok = await reachable();
  checking.delete(form);
  if (!ok) { tell(form, submitter); return; }
  form.querySelector(".unsent")?.remove();
  keep(form, submitter, true);
  checked.add(form);
  form.requestSubmit(submitter ?? undefined);
}, true);

// What is kept is over as soon as a page came that answers it: one that says what was done or what is wrong, a review of what was sent, or another page
// than the one of a form that the browser was sending.
const answered = "answers" in words || new URLSearchParams(location.search).has("done") || document.querySelector(".note.bad[role=alert]:not(.unsent)");
const here = forms();
for (const name of Object.keys(sessionStorage).filter((n) => n.startsWith(prefix))) {
  const kept = JSON.parse(sessionStorage.getItem(name)), ours = name.startsWith(prefix + location.pathname + " ");
  if (kept.begun && (answered || !ours)) { sessionStorage.removeItem(name); continue; }
  const form = ours && here.find((f) => nameOf(f) === name);
  if (!form) continue;
  restore(form, kept);
  tell(form, kept.press && form.querySelector(`[name="${CSS.escape(kept.press[0])}"][value="${CSS.escape(kept.press[1])}"]`));
}
