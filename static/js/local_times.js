// Times as the reader's clock has them; the server knows no time zone of theirs.

import { moment } from "./page_data.js";

export function localTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) time.textContent = moment(time.dateTime);
}
