"use strict";
// The frame of the reference: its theme, its menu and its search. The page works without. It is loaded before the page, so that nothing is
// shown that goes away again.
(() => {
  const root = document.documentElement;
  const themeKey = "reference.theme";

  // A browser may refuse storage; then choices last as long as the page.
  const remember = (key, value) => { try { localStorage.setItem(key, value); } catch { } };
  const remembered = (key) => { try { return localStorage.getItem(key); } catch { return null; } };

  if (remembered(themeKey)) root.dataset.theme = remembered(themeKey);

  const dark = () => (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";

  function themes() {
    const button = document.getElementById("theme");
    const show = () => button.setAttribute("aria-pressed", String(dark()));
    button.addEventListener("click", () => {
      root.dataset.theme = dark() ? "light" : "dark";
      remember(themeKey, root.dataset.theme);
      show();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
    show();
  }

  function menu() {
    const button = document.getElementById("menu");
    button.addEventListener("click", () => {
      const open = button.getAttribute("aria-expanded") !== "true";
      button.setAttribute("aria-expanded", String(open));
      root.classList.toggle("open", open);
    });
  }

  // How well a name fits: lower is better, and nothing is no fit. Case and underscores do not count.
  function fit(name, words) {
    const folded = name.toLowerCase().replaceAll("_", "");
    const last = folded.slice(folded.lastIndexOf(".") + 1);
    let worst = 0;
    for (const word of words) {
      if (last === word || folded === word) continue;
      if (last.startsWith(word) || folded.startsWith(word)) worst = Math.max(worst, 1);
      else if (folded.includes(word)) worst = Math.max(worst, 2);
      else return null;
    }
    return worst;
  }

  function find(text) {
    const words = text.toLowerCase().replaceAll("_", "").split(/[\s(]+/).filter((word) => word);
    if (!words.length) return [];
    const found = [];
    for (const [name, kind, url, summary, rank] of searchIndex) {
      let points = fit(name, words);
      if (points === null && words.every((word) => (name + " " + summary).toLowerCase().includes(word))) points = 3;
      if (points !== null) found.push({ name, kind, url, summary, points, rank });
    }
    found.sort((a, b) => a.points - b.points || a.rank - b.rank || a.name.length - b.name.length || (a.name < b.name ? -1 : 1));
    return found;
  }

  function search() {
    const shown = 12;
    const input = document.getElementById("search"), list = document.getElementById("results");
    const count = document.getElementById("result-count");
    const place = document.body.dataset.root;
    let at = -1;

    const mark = (to) => {
      const options = [...list.querySelectorAll("[role=option]")];
      at = options.length ? (to + options.length) % options.length : -1;
      options.forEach((option, n) => option.setAttribute("aria-selected", String(n === at)));
      if (at >= 0) {
        input.setAttribute("aria-activedescendant", options[at].id);
        options[at].scrollIntoView({ block: "nearest" });
      } else input.removeAttribute("aria-activedescendant");
    };
    const close = () => {
      list.hidden = true;
      input.setAttribute("aria-expanded", "false");
      mark(-1);
    };
    const update = () => {
      const found = find(input.value);
      list.replaceChildren(...found.slice(0, shown).map((result, n) => {
        const option = document.createElement("li");
        option.role = "option";
        option.id = "result-" + n;
        const link = document.createElement("a");
        link.href = place + result.url;
        link.tabIndex = -1;
        const name = document.createElement("code"), kind = document.createElement("small"), summary = document.createElement("span");
        name.textContent = result.name;
        kind.textContent = result.kind;
        summary.textContent = result.summary;
        link.append(name, " ", kind, " ", summary);
        option.append(link);
        return option;
      }));
      const asked = input.value.trim() !== "";
      if (asked && !found.length) {
        const nothing = document.createElement("li");
        nothing.className = "nothing";
        nothing.textContent = "Nothing has this in its name or summary.";
        list.append(nothing);
      }
      count.textContent = !asked ? "" : found.length === 1 ? "1 result" : found.length + " results";
      list.hidden = !asked;
      input.setAttribute("aria-expanded", String(asked));
      mark(found.length ? 0 : -1);
    };

    input.addEventListener("input", update);
    input.addEventListener("focus", () => { if (input.value) update(); });
    input.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown") mark(at + 1);
      else if (event.key === "ArrowUp") mark(at - 1);
      else if (event.key === "Escape") { if (list.hidden) input.blur(); else close(); }
      else return;
      event.preventDefault();
    });
    document.getElementById("search-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const link = list.querySelector("[aria-selected=true] a");
      if (!link || list.hidden) return;
      close();
      input.blur();
      link.click();
    });
    document.addEventListener("pointerdown", (event) => { if (!event.target.closest("#search-form")) close(); });
    document.addEventListener("focusin", (event) => { if (!event.target.closest("#search-form")) close(); });
    document.addEventListener("keydown", (event) => {
      const typing = event.target.closest("input, textarea, select, [contenteditable]");
      if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      input.focus();
      input.select();
    });
  }

  addEventListener("DOMContentLoaded", () => {
    themes();
    menu();
    search();
  });
})();
