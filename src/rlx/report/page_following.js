// The script of a page that is served: asks every two seconds for what is new, and puts it in place without moving the rest.
"use strict";

(() => {
  const EVERY = 2000, LATER = 10000, PATIENCE = 15000;
  const byId = (id) => document.getElementById(id);
  const told = byId("following-words");
  let version = document.body.dataset.version;
  let waiting = {}; // parts that came while somebody was selecting text in them
  let failures = 0;

  // --- Putting in place -----------------------------------------------------------------------------------------------

  // What has a name stays the same element, so that focus, what is unfolded, ticks, zooms and films that play outlive the news.
  const keyOf = (node) => {
    if (node.nodeType !== Node.ELEMENT_NODE) return null;
    if (node.id || node.dataset.key) return `${node.id}|${node.dataset.key ?? ""}`;
    return node.matches("input, option") ? `${node.name ?? ""}=${node.value}` : null;
  };
  const alike = (one, other) => one.nodeName === other.nodeName && keyOf(one) === keyOf(other);

  function renewAttributes(old, now) {
    const kept = (name) => name === "open" && old.nodeName === "DETAILS";
    for (const { name } of [...old.attributes]) if (!now.hasAttribute(name) && !kept(name)) old.removeAttribute(name);
    for (const { name, value } of now.attributes) if (old.getAttribute(name) !== value && !kept(name)) old.setAttribute(name, value);
  }

  function renew(old, now) {
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== now.data) old.data = now.data;
    } else if ("own" in old.dataset) {
      if (now.hasAttribute("aria-label")) old.setAttribute("aria-label", now.getAttribute("aria-label"));
    } else {
      renewAttributes(old, now);
      renewChildren(old, now);
    }
  }

  function renewChildren(old, now) {
    const wanted = new Set([...now.childNodes].map(keyOf));
    const known = new Map([...old.childNodes].filter(keyOf).map((node) => [keyOf(node), node]));
    let place = old.firstChild;
    const drop = () => {
      const next = place.nextSibling;
      place.remove();
      place = next;
    };
    // Of what has no name, the next of its kind before anything named that stays.
    const nextLike = (node) => {
      for (let other = place; other; other = other.nextSibling) {
        if (keyOf(other) !== null && wanted.has(keyOf(other))) return null;
        if (alike(other, node)) return other;
        if (node.nodeType !== Node.ELEMENT_NODE) return null;
      }
      return null;
    };
    for (const node of [...now.childNodes]) {
      while (place && keyOf(place) !== null && !wanted.has(keyOf(place))) drop();
      const key = keyOf(node);
      const found = key === null ? nextLike(node) : known.get(key);
      while (key === null && found && place !== found) drop();
      if (!found || !alike(found, node)) {
        old.insertBefore(node, place);
      } else {
        if (found === place) place = place.nextSibling;
        else old.insertBefore(found, place);
        renew(found, node);
      }
    }
    while (place) drop();
  }

  const isSelecting = (part) => {
    const selection = getSelection();
    return selection.type === "Range" && selection.containsNode(part, true);
  };

  function putInPlace() {
    for (const [name, html] of Object.entries(waiting)) {
      const part = document.querySelector(`[data-part="${name}"]`);
      if (!part || isSelecting(part)) continue;
      const made = document.createElement("template");
      made.innerHTML = html;
      renewChildren(part, made.content);
      delete waiting[name];
    }
    showFound();
  }

  // --- Asking ---------------------------------------------------------------------------------------------------------

  function tell(words, lost) {
    if (told.textContent !== words) told.textContent = words;
    byId("following").classList.toggle("lost", lost);
  }

  async function ask() {
    const answer = await fetch("now.json", {
      headers: { "If-None-Match": `"${version}"` },
      cache: "no-store",
      signal: AbortSignal.timeout(PATIENCE),
    });
    if (answer.status !== 200 && answer.status !== 304) throw new Error(`answered ${answer.status}`);
    const moment = new Date(Date.now() - 1000 * Number(answer.headers.get("Age") ?? 0));
    if (answer.status === 200) {
      const news = await answer.json();
      version = news.version;
      Object.assign(waiting, news.parts);
      putInPlace();
      if (news.charts) document.dispatchEvent(new CustomEvent("rlx:charts", { detail: news.charts }));
    } else if (Object.keys(waiting).length) {
      putInPlace();
    }
    byId("as-of").textContent = moment.toISOString().slice(11, 19);
    tell("Follows what happens.", false);
  }

  async function follow() {
    let pause = EVERY;
    if (!document.hidden) {
      try {
        await ask();
        failures = 0;
      } catch {
        failures += 1;
        if (failures > 1) {
          tell("Not connected any more: what served this page has ended, or does not answer. It stays as it is; `rlx report --serve` serves a new one.", true);
          pause = LATER;
        }
      }
    }
    setTimeout(follow, pause);
  }

  document.addEventListener("visibilitychange", () => document.hidden || ask().catch(() => {}));

  // --- The table of all runs --------------------------------------------------------------------------------------------

  function showFound() {
    const text = byId("find-run")?.value.trim().toLowerCase() ?? "";
    const rows = [...(byId("all-runs")?.rows ?? [])];
    let count = 0;
    for (const row of rows) {
      const hidden = text !== "" && !row.textContent.toLowerCase().includes(text);
      if (row.hidden !== hidden) row.hidden = hidden;
      count += !hidden;
    }
    if (byId("found-runs")) byId("found-runs").textContent = text ? `${count} of ${rows.length} runs` : "";
  }

  document.addEventListener("input", (event) => event.target.id === "find-run" && showFound());
  showFound();
  setTimeout(follow, EVERY);
})();
