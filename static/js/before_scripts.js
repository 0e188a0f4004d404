// What people type, press, send or choose while the scripts of the page are on their way happens once they are here.
{
  const held = [];
  const keep = (event, again) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    held.push(again);
  };
  const anew = (event) => keep(event, () => event.target.dispatchEvent(new event.constructor(event.type, event)));
  const acts = {
    input: anew,
    change: anew,
    keydown(event) {
      if ((event.ctrlKey || event.altKey || event.metaKey) && event.target.matches?.("[data-keys]")) anew(event);
    },
    click(event) {
      const button = event.target.closest?.("button[type=button]:not([popovertarget])");
      if (button) keep(event, () => button.click());
    },
    // without a method it is one that only scripts send
    submit(event) {
      const { target, submitter } = event;
      if (!target.hasAttribute("method")) keep(event, () => target.requestSubmit(submitter));
    },
  };
  for (const type in acts) addEventListener(type, acts[type], true);
  addEventListener("DOMContentLoaded", () => {
    for (const type in acts) removeEventListener(type, acts[type], true);
    for (const again of held) again();
  });
}
