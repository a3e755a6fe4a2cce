// `fieldcast status`: what an operator asks first, in some ten lines, from the gateway itself over HTTP. Where it does
// not answer, what its database says.
#pragma once

#include <iosfwd>
#include <string>

#include "tools/web_client.hpp"

namespace fieldcast::tools {

struct StatusOptions {
  std::string url;  // "http://127.0.0.1:8080"
  Trust trust;
  std::string database;  // empty: not known
  bool colours = false;
};

/// Takes a second, since rates are what changes meanwhile. Returns whether the gateway can serve streams. Throws
/// std::exception with one clear line where it cannot ask at all.
bool show_status(const StatusOptions& options, std::ostream& out);

}  // namespace fieldcast::tools
