const themes = ["system", "light", "dark"];
const toggle = document.getElementById("theme");
function setTheme(name) {
  document.documentElement.dataset.theme = name;
  toggle.dataset.theme = name;
  toggle.textContent = { system: "◐", light: "☀", dark: "☾" }[name];
  toggle.setAttribute("aria-label", `Colour theme: ${name === "system" ? "follow the system" : name}`);
}
let saved = null;
try { saved = localStorage.getItem("mubench-theme"); } catch { /* no storage for this page */ }
setTheme(themes.includes(saved) ? saved : "system");
toggle.addEventListener("click", () => {
  const next = themes[(themes.indexOf(toggle.dataset.theme) + 1) % themes.length];
  setTheme(next);
  try { localStorage.setItem("mubench-theme", next); } catch { /* the choice lasts for this visit */ }
});
