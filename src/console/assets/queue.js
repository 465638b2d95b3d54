// Keeps the queue current while the page is open. Without scripts the page has a link that does the same.
"use strict";

const INTERVAL_MS = 3000;
const find = (id) => document.getElementById(id);
const pause = find("pause");
const said = find("live");

function say(text) {
  if (said.textContent !== text) said.textContent = text;
}

// Takes over what has changed; the link that had the focus keeps it.
function show(fresh) {
  const focused = find("rows").contains(document.activeElement) && document.activeElement.getAttribute("href");
  for (const part of ["counts", "rows"]) {
    const [now, next] = [find(part), fresh.getElementById(part)];
    if (now.innerHTML !== next.innerHTML) now.replaceChildren(...next.childNodes);
  }
  if (focused) find("rows").querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
}

async function refresh() {
  if (pause.getAttribute("aria-pressed") !== "true" && !document.hidden) {
    try {
      const answer = await fetch("/queue/rows");
      if (answer.status === 401) return say(said.dataset.ended);
      if (!answer.ok) throw new Error(answer.status);
      show(new DOMParser().parseFromString(await answer.text(), "text/html"));
      say("");
    } catch {
      say(said.dataset.lost);
    }
  }
  setTimeout(refresh, INTERVAL_MS);
}

pause.hidden = false;
pause.addEventListener("click", () => pause.setAttribute("aria-pressed", pause.getAttribute("aria-pressed") !== "true"));
setTimeout(refresh, INTERVAL_MS);
