// The console's small script: times in the reader's zone, live parts that leave the reader's place alone, copy buttons.
"use strict";
(() => {
  const zone = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
  const today = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

  function showTimes(root) {
    for (const time of root.querySelectorAll("time[datetime]:not([title])")) {
      const at = new Date(time.dateTime);
      time.title = time.textContent;
      const isToday = at.toDateString() === new Date().toDateString();
      time.textContent = (isToday ? today : zone).format(at);
    }
  }

  // Filters by time are in UTC in the page's address, and in the reader's zone in the fields.
  function takeReadersZone(root) {
    const inField = (at) => new Date(at - at.getTimezoneOffset() * 60_000).toISOString().replace(/(:00)?\.000Z$/, "");
    const inUtc = (text) => new Date(text).toISOString().replace(/(:00)?\.000Z$/, "");
    for (const field of root.querySelectorAll("input[data-utc][name]")) {
      const sent = Object.assign(document.createElement("input"), { type: "hidden", name: field.name, value: field.value });
      field.removeAttribute("name");
      field.labels[0].textContent = `${field.dataset.utc} (${zone.resolvedOptions().timeZone})`;
      if (field.value) field.value = inField(new Date(`${field.value}Z`));
      field.addEventListener("input", () => (sent.value = field.value && inUtc(field.value)));
      field.after(sent);
    }
  }

  function addCopyButtons(root) {
    if (!navigator.clipboard) return; // a page over plain http has none
    for (const text of root.querySelectorAll("details > pre:not([data-copy])")) {
      text.dataset.copy = "";
      const button = document.createElement("button");
      button.type = "button";
      button.className = "quiet";
      button.textContent = "Copy";
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(text.textContent);
        button.textContent = "Copied";
      });
      text.before(button);
    }
  }

  // The page of a result that is on its way stays as it is until the download begins.
  async function awaitResult() {
    const answer = await fetch(location.href, { redirect: "manual" }).catch(() => null);
    if (answer?.type === "opaqueredirect") location.assign(location.href);
    else if (!answer || answer.status === 202) setTimeout(awaitResult, 1000);
    else location.reload();
  }
  if (document.querySelector("[data-on-its-way]")) setTimeout(awaitResult, 1000);

  function enhance(root) {
    showTimes(root);
    takeReadersZone(root);
    addCopyButtons(root);
    for (const log of root.querySelectorAll("pre.log")) log.scrollTop = log.scrollHeight;
  }

  // A hidden page gives its connection back: a browser has six for all pages of a host.
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (document.hidden) event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => {
    for (const element of document.querySelectorAll("[hx-get]")) {
      if (document.hidden) htmx.trigger(element, "htmx:abort");
    }
  });
  // A second click sends no second form.
  const sent = new Set();
  document.addEventListener("submit", ({ target }) => {
    if (target.method !== "post") return;
    setTimeout(() => {
      for (const button of target.querySelectorAll("button:not(:disabled)")) {
        button.disabled = true;
        sent.add(button);
      }
    });
  });
  addEventListener("pageshow", () => {
    for (const button of sent) button.disabled = false;
    sent.clear();
  });
  // A page whose gateway does not answer says so, until it answers again.
  const silence = Object.assign(document.createElement("p"), { className: "problem" });
  silence.setAttribute("role", "status");
  function showSilence(isSilent) {
    const sentence = isSilent ? "The gateway does not answer. This page shows its last state, and asks again." : "";
    if (!silence.isConnected) document.getElementById("main").prepend(silence);
    silence.hidden = !isSilent;
    if (silence.textContent !== sentence) silence.textContent = sentence;
  }
  for (const name of ["htmx:sendError", "htmx:timeout"]) document.addEventListener(name, () => showSilence(true));
  document.addEventListener("htmx:afterRequest", ({ detail }) => {
    if (detail.xhr && detail.xhr.status) showSilence(detail.xhr.status >= 500);
  });
  // The page stays as it is when nothing is new, and while a reader writes into it, has opened or marked a part of it,
  // or reads above the end of a log.
  const shown = new WeakMap();
  function isInUse(target) {
    const isWriting = target.contains(document.activeElement) && document.activeElement.matches("input, select, textarea");
    const isMarked = !getSelection().isCollapsed && target.contains(getSelection().anchorNode);
    const log = target.querySelector(":scope > pre.log");
    const isAboveEnd = log && log.scrollTop + log.clientHeight < log.scrollHeight - 8;
    return isWriting || isMarked || isAboveEnd || target.querySelector("details[open]");
  }
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { target, serverResponse } = event.detail;
    if (shown.get(target) === serverResponse || isInUse(target)) event.detail.shouldSwap = false;
    else shown.set(target, serverResponse);
  });
  // The focus goes on at the same link or button after its part of the page has been replaced.
  let focused = null;
  const keyOf = (element) => element.dataset.focus || [element.tagName, element.getAttribute("href"), element.getAttribute("aria-label"), element.textContent].join("|");
  document.addEventListener("htmx:beforeSwap", (event) => {
    focused = event.detail.target.contains(document.activeElement) ? document.activeElement : null;
  });
  document.addEventListener("htmx:afterSwap", () => {
    if (!focused || focused.isConnected || document.activeElement !== document.body) return;
    const key = keyOf(focused);
    for (const element of document.querySelectorAll("main a, main button, main summary, main [tabindex]")) {
      if (keyOf(element) === key) return element.focus({ preventScroll: true });
    }
  });
  document.addEventListener("htmx:afterSwap", (event) => enhance(document.getElementById(event.detail.target.id) || document));
  document.addEventListener("DOMContentLoaded", () => enhance(document));
  if (document.readyState !== "loading") enhance(document);
})();
