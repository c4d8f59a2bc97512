// What is pleasant, and not needed: every page works without this file.
"use strict";

const byId = (id) => document.getElementById(id);

// Fresh states: parts marked data-live are fetched again while somebody looks. Parts in use (a field, an open detail) stay as they are,
// unless the server offers their form no more; so what tells a state is a part of its own, with nothing in it that can be in use.
// Nobody at the keyboard for ten minutes: it stops, so that the session can end. A page that is not fresh says so.
function keepFresh() {
  const live = () => [...document.querySelectorAll("[data-live]")];
  if (live().length === 0) return;
  let used = Date.now(), fresh = new Date();
  for (const type of ["pointerdown", "pointermove", "keydown"]) addEventListener(type, () => { used = Date.now(); }, { passive: true });
  const formOf = (part) => part.querySelector("form")?.getAttribute("action");
  const inUse = (part) => part.contains(document.activeElement) || part.querySelector("details[open]") !== null ||
    [...part.querySelectorAll("input:not([type=hidden])")].some((field) => field.type === "checkbox" ? field.checked : field.value !== "");
  const stays = (part, now) => inUse(part) && formOf(part) === formOf(now);
  const stale = () => {
    byId("stale").querySelector("b").textContent = fresh.toISOString().slice(11, 16) + " UTC";
    byId("stale").hidden = false;
  };
  const refresh = async () => {
    if (document.hidden) return;
    if (Date.now() - used > 600000) return stale();
    try {
      const asked = new Date();
      const answer = await fetch(location.href, { headers: { "X-Refresh": "1" }, redirect: "error", signal: AbortSignal.timeout(15000) });
      if (!answer.ok) return stale();
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of live()) {
        const now = page.getElementById(part.id);
        if (now && !stays(part, now) && now.innerHTML !== part.innerHTML) part.replaceWith(document.importNode(now, true));
      }
      document.dispatchEvent(new Event("fresh"));
      fresh = asked;
      byId("stale").hidden = true;
    } catch { stale(); } // the server restarts, or the session ended: the page stays as it is
  };
  setInterval(refresh, 4000);
  document.addEventListener("visibilitychange", refresh);
}

// The button of a dialog arms itself when the last four characters are right, and whatever else has to be typed. The server checks it again.
function armButton() {
  const fields = [...document.querySelectorAll("input[data-arm]")], button = byId("order");
  if (!fields.length || !button) return;
  const plain = (text) => text.trim().replaceAll(/\s+/g, " ").toUpperCase();
  const check = () => { button.disabled = fields.some((field) => plain(field.value) !== plain(field.dataset.arm)); };
  for (const field of fields) field.addEventListener("input", check);
  addEventListener("pageshow", check); // after sayBusy
  check();
}

function copyFrom(button, text) {
  if (!button || !navigator.clipboard) return;
  button.hidden = false;
  button.addEventListener("click", async () => {
    try { await navigator.clipboard.writeText(text()); button.textContent = "Copied"; } catch { button.textContent = "Copy by hand"; }
  });
}

// What speaks against a PIN of one's own, while it is typed. The server says it again when the order comes, and what it compares only then.
function judgePIN() {
  const field = byId("pin"), says = byId("pin-says");
  if (!field || !says) return;
  let timer, asking = new AbortController();
  const tell = (html) => {
    if (says.innerHTML === html) return;
    says.innerHTML = html; // a fragment of this server's, escaped there
    if (says.querySelector(".bad")) field.setAttribute("aria-invalid", "true"); else field.removeAttribute("aria-invalid");
  };
  const ask = async () => {
    asking.abort();
    asking = new AbortController();
    try {
      const body = new URLSearchParams(new FormData(field.form));
      const answer = await fetch(field.form.action + "/pin", { method: "POST", body, redirect: "error", cache: "no-store", signal: asking.signal });
      tell(answer.ok ? await answer.text() : "");
    } catch (error) { if (error.name !== "AbortError") tell(""); }
  };
  field.form.addEventListener("input", (event) => {
    if (event.target !== field && field.value === "") return;
    clearTimeout(timer);
    timer = setTimeout(ask, 300);
  });
}

// A revealed PIN leaves the page after its time, and when the page is left, so that neither Back nor a sleeping tab shows it. What came of
// it can still be said; to reload the page is then no second reveal. Whoever needs longer asks for more time, twice at most.
function hidePIN() {
  const shown = byId("shown");
  if (!shown) return;
  const heading = shown.querySelector("h1"), more = byId("more"), time = 1000 * Number(shown.dataset.seconds);
  let until = Date.now() + time, again = 2;
  const gone = () => {
    clearInterval(timer);
    byId("digits").textContent = "••• •••";
    byId("spoken").textContent = "";
    byId("left").value = 0;
    byId("countdown").hidden = true;
    byId("note").textContent = "The PIN is off the screen.";
    if (byId("while").contains(document.activeElement)) heading.focus();
    byId("while").hidden = true;
    byId("after").hidden = false;
  };
  const timer = setInterval(() => {
    const left = Math.ceil((until - Date.now()) / 1000);
    byId("left").value = left;
    byId("seconds").textContent = Math.max(left, 0);
    if (left > 0) return;
    gone();
    history.replaceState(null, "", shown.dataset.after);
  }, 250);
  addEventListener("pagehide", gone);
  more.hidden = false;
  more.addEventListener("click", () => {
    until += time;
    byId("left").max = Math.ceil((until - Date.now()) / 1000);
    if (--again > 0) return;
    heading.focus(); // the button goes, and the focus with it
    more.hidden = true;
  });
  copyFrom(byId("copy"), () => byId("digits").textContent.replaceAll(/\s/g, ""));
}

// A form whose answer takes a while says so, and is sent once.
function sayBusy() {
  for (const form of document.querySelectorAll("form[data-busy]")) {
    const button = form.querySelector("button"), face = [...button.childNodes];
    form.addEventListener("submit", () => { button.disabled = true; button.textContent = form.dataset.busy; });
    addEventListener("pageshow", () => { button.disabled = false; button.replaceChildren(...face); }); // also when one comes back to it
  }
}

// Devices that are selected are counted, and those of a page are selected at once. The list may be fetched anew at any time.
function pickMany() {
  const count = () => {
    const every = byId("every"), picked = byId("picked");
    if (!every || !picked) return;
    const boxes = [...every.form.querySelectorAll("input[name=device]")], n = boxes.filter((box) => box.checked).length;
    every.hidden = false;
    every.checked = n === boxes.length;
    every.indeterminate = n > 0 && n < boxes.length;
    picked.textContent = n + " selected";
  };
  document.addEventListener("change", (event) => {
    if (event.target.id === "every") for (const box of event.target.form.querySelectorAll("input[name=device]")) box.checked = event.target.checked;
    count();
  });
  document.addEventListener("reset", () => setTimeout(count));
  document.addEventListener("fresh", count);
  count();
}

keepFresh();
pickMany();
sayBusy();
armButton();
judgePIN();
hidePIN();
copyFrom(byId("copy-link"), () => byId("link").value);
