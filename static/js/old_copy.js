// Copying where browsers offer no clipboard API: on plain HTTP from another machine.

/** Copy `source`; whether that was possible. */
export function copyTheOldWay(source) {
  const area = document.createElement("textarea");
  const focused = document.activeElement;
  area.value = source;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  focused?.focus();
  return done;
}
