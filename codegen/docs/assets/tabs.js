"use strict";
// The choice of a language, for all items of a page and for the next pages. Without this script every language is shown, one below the other.
// It is loaded before the page, so that nothing is shown that goes away again.
(() => {
  const root = document.documentElement;
  const languageKey = "reference.language";

  // A browser may refuse storage; then choices last as long as the page.
  const remember = (key, value) => { try { localStorage.setItem(key, value); } catch { } };
  const remembered = (key) => { try { return localStorage.getItem(key); } catch { return null; } };

  root.classList.add("scripted");
  root.dataset.language = remembered(languageKey) ?? "go";

  function tabs() {
    const all = [...document.querySelectorAll("[role=tab]")];
    if (!all.some((tab) => tab.dataset.language === root.dataset.language)) root.dataset.language = "go";
    const show = (language) => {
      root.dataset.language = language;
      for (const tab of all) {
        const chosen = tab.dataset.language === language;
        tab.setAttribute("aria-selected", String(chosen));
        tab.tabIndex = chosen ? 0 : -1;
      }
    };
    const choose = (tab) => {
      const before = tab.getBoundingClientRect().top;
      show(tab.dataset.language);
      remember(languageKey, tab.dataset.language);
      tab.focus({ preventScroll: true });
      // Tabs above changed their height too: what the reader looks at stays where it is.
      scrollBy({ top: tab.getBoundingClientRect().top - before, behavior: "instant" });
    };
    for (const list of document.querySelectorAll("[role=tablist]")) {
      const own = [...list.querySelectorAll("[role=tab]")];
      list.addEventListener("click", (event) => {
        const tab = event.target.closest("[role=tab]");
        if (tab) choose(tab);
      });
      list.addEventListener("keydown", (event) => {
        const at = own.indexOf(document.activeElement);
        const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: own.length - 1 }[event.key];
        if (to === undefined || at < 0) return;
        event.preventDefault();
        choose(own[(to + own.length) % own.length]);
      });
    }
    show(root.dataset.language);
  }

  addEventListener("DOMContentLoaded", tabs);
})();
