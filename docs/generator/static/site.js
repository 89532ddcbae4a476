"use strict";
// The theme's buttons for the two menus of a narrow window are labels, which a keyboard does not reach.
addEventListener("DOMContentLoaded", () => {
  for (const [selector, name] of [["label.nav-overlay-icon", "Contents of the site"], ["label.toc-overlay-icon", "Contents of this page"]]) {
    for (const label of document.querySelectorAll(selector)) {
      label.tabIndex = 0;
      label.role = "button";
      label.ariaLabel = name;
      label.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        label.click();
      });
    }
  }
  // Code that is wider than the page is scrolled by keyboard, too.
  for (const code of document.querySelectorAll(".highlight pre, pre.code")) {
    if (code.scrollWidth > code.clientWidth) code.tabIndex = 0;
  }
});
