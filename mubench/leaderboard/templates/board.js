"use strict";
function sortBy(button) {
  const head = button.closest("th");
  const descending = head.getAttribute("aria-sort") === "ascending";
  const table = head.closest("table");
  for (const other of table.querySelectorAll("th[aria-sort]")) other.setAttribute("aria-sort", "none");
  head.setAttribute("aria-sort", descending ? "descending" : "ascending");
  const key = (row) => row.children[button.dataset.column].dataset.key;
  for (const body of table.querySelectorAll("tbody:not(.reference)")) {
    const rows = [...body.querySelectorAll("tr:not(.group)")];
    rows.sort((a, b) => (key(a) === "") - (key(b) === "") || (key(a) - key(b)) * (descending ? -1 : 1));
    body.append(...rows);
  }
}
for (const button of document.querySelectorAll(".sort")) button.addEventListener("click", () => sortBy(button));

const filters = document.querySelectorAll("[data-show]");
function show(wanted) {
  for (const button of filters) button.setAttribute("aria-pressed", String(button.dataset.show === wanted));
  for (const row of document.querySelectorAll("tr[data-selection]")) {
    row.hidden = wanted !== "all" && row.dataset.selection !== "" && row.dataset.selection !== wanted;
  }
}
for (const button of filters) button.addEventListener("click", () => show(button.dataset.show));

function openTarget() {
  const target = document.getElementById(location.hash.slice(1));
  if (target instanceof HTMLDetailsElement) {
    target.open = true;
    target.scrollIntoView();
  }
}
addEventListener("hashchange", openTarget);
openTarget();
