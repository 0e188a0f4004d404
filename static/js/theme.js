// Shows a theme as soon as it is chosen on the settings page; it is kept when the page is saved.

document.querySelector("[data-settings]")?.addEventListener("change", (event) => {
  if (event.target.name === "theme") document.documentElement.dataset.theme = event.target.value;
});
