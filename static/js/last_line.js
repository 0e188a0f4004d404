// Where the last line of a text begins, as it is laid out now.

/** Its place in the text node, between letters; 0 where all is one line, or none is shown. */
export function lastLine(node) {
  const range = document.createRange();
  const bottom = (at) => {
    range.setStart(node, at);
    range.setEnd(node, at + 1);
    return range.getBoundingClientRect().bottom;
  };
  const last = bottom(node.length - 1);
  let [before, start] = [-1, node.length - 1];
  while (start - before > 1) {
    const middle = (before + start) >> 1;
    if (bottom(middle) < last) before = middle;
    else start = middle;
  }
  return /[\uDC00-\uDFFF]/.test(node.data[start]) ? start - 1 : start; // no letter is cut in two
}
