// The sign-in page.

import { wireButtons } from "./passkeys.js";

wireButtons();
