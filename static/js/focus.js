// Where the focus goes when what had it is over.

/** Give it back to `opener`, unless somebody has moved it on meanwhile: what tells of a dialog's end comes late. */
export function giveFocusBack(opener) {
  const now = document.activeElement;
  if (opener?.isConnected && (now === document.body || !now.checkVisibility())) opener.focus();
}
