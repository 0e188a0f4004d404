// Pages without a chat.

import "./shell.js";
import "./theme.js";
