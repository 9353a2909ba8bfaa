// How commands speak on a terminal.
#pragma once

#include "base/result.h"

namespace pingti {

// "pingti: message (hint) [code]" on stderr; returns kExitFailed.
int print_error(const Error& error);

// True when stdout (stderr) is a terminal: progress bars and colours are for terminals only.
bool stdout_is_terminal();
bool stderr_is_terminal();

}  // namespace pingti
