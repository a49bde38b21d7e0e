const filters = document.getElementById("filters");

/** Hide the cells and rows that the form leaves out; the address keeps the choice. */
function applyFilters() {
  const chosen = new FormData(filters);
  const boxes = [...filters.querySelectorAll("input[name=method]")];
  const methods = new Set(chosen.getAll("method"));
  const selection = chosen.get("selection") ?? "";
  const cells = [...document.querySelectorAll(".cell")];
  let count = 0;
  cells.forEach((cell, k) => {
    const fits = ["dataset", "model", "kind", "ratio"].every((axis) => !chosen.get(axis) || chosen.get(axis) === cell.dataset[axis]);
    cell.hidden = !fits;
    document.querySelector(`.glance tr[data-cell="${k + 1}"]`).hidden = !fits;
    count += fits;
    for (const body of cell.querySelectorAll("tbody.tuned, tbody.default")) {
      body.hidden = selection !== "" && !body.classList.contains(selection);
      for (const row of body.querySelectorAll("tr[data-method]")) row.hidden = boxes.length > 0 && !methods.has(row.dataset.method);
    }
  });
  document.getElementById("shown").textContent = `${count} of ${cells.length} cells`;
  if (boxes.length) document.getElementById("method-count").textContent = methods.size < boxes.length ? `${methods.size} of ${boxes.length}` : "all";
  const kept = new URLSearchParams([...chosen].filter(([key, value]) => key !== "method" && value));
  if (methods.size < boxes.length) kept.set("methods", [...methods].join(","));
  try { history.replaceState(null, "", kept.size ? `#?${kept}` : location.pathname + location.search); } catch { /* no address to keep it in */ }
}

/** Choose what the address says. */
function readAddress() {
  if (!location.hash.startsWith("#?")) return;
  const kept = new URLSearchParams(location.hash.slice(2));
  for (const select of filters.querySelectorAll("select")) if (kept.has(select.name)) select.value = kept.get(select.name);
  const methods = kept.get("methods")?.split(",");
  if (methods) for (const box of filters.querySelectorAll("input[name=method]")) box.checked = methods.includes(box.value);
}

if (filters) {
  readAddress();
  filters.addEventListener("change", applyFilters);
  filters.addEventListener("submit", (event) => event.preventDefault());
  filters.addEventListener("reset", () => setTimeout(applyFilters));
  if (location.hash.startsWith("#?")) applyFilters();
}
