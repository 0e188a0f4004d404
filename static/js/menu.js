// Menus: popovers that open beside their button and are walked through with the arrow keys.

const GAP_PX = 4;

/** Open `menu` at `button`; `onChoose` is called with the `data-action` that was chosen, and its item. */
export function openMenu(menu, button, onChoose) {
  menu.onclick = (event) => {
    const item = event.target.closest("[role^=menuitem]");
    if (!item) return;
    menu.hidePopover();
    onChoose?.(item.dataset.action, item);
  };
  menu.addEventListener(
    "toggle",
    (event) => button.setAttribute("aria-expanded", String(event.newState === "open")),
    { once: true },
  );
  menu.showPopover();
  place(menu, button);
  itemsOf(menu)[0]?.focus();
}

const itemsOf = (menu) => [...menu.querySelectorAll("[role^=menuitem]")].filter((item) => item.checkVisibility());

function place(menu, button) {
  const at = button.getBoundingClientRect();
  const size = menu.getBoundingClientRect();
  const below = at.bottom + GAP_PX + size.height < innerHeight && !("menuAbove" in button.dataset);
  const left = Math.max(GAP_PX, Math.min(at.left, innerWidth - size.width - 2 * GAP_PX));
  menu.style.left = `${left}px`;
  menu.style.top = `${below ? at.bottom + GAP_PX : Math.max(GAP_PX, at.top - size.height - GAP_PX)}px`;
}

function walk(event) {
  const menu = event.target.closest("[role=menu]");
  if (!menu) return;
  const items = itemsOf(menu);
  const now = items.indexOf(document.activeElement);
  const next = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: items.length - 1 }[event.key];
  if (next === undefined) {
    if (event.key === "Tab") menu.hidePopover();
    return;
  }
  event.preventDefault();
  items.at(next % items.length).focus();
}

document.addEventListener("keydown", walk);
for (const menu of document.querySelectorAll(".menu")) {
  menu.addEventListener("toggle", (event) => {
    const button = document.querySelector('[data-action][aria-expanded="true"], [popovertarget][aria-expanded="true"]');
    if (event.newState === "closed") button?.setAttribute("aria-expanded", "false");
  });
}
for (const button of document.querySelectorAll("[popovertarget]")) {
  const menu = document.getElementById(button.getAttribute("popovertarget"));
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("click", (event) => {
    event.preventDefault();
    if (menu.matches(":popover-open")) menu.hidePopover();
    else openMenu(menu, button);
  });
}
