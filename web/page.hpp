// The live page as it was compiled in: constant bytes of this program, readable from any thread, owned by
// nobody. Adapters do not know it: the app hands the files to whoever serves them.
//
// The page asks only its own origin for scripts, styles, its icon and data, and has nothing inline: it works
// under `Content-Security-Policy: default-src 'self'`, and so does each of script-src, style-src, img-src and
// connect-src `'self'` on top of `default-src 'none'`. Ages need the `Date` of RFC 9110 section 6.6.1 in answers.
#pragma once

#include <span>
#include <string_view>

namespace fieldcast::web {

struct File {
  std::string_view path;        // of the URL: "/" is the page itself
  std::string_view media_type;  // a Content-Type, with its charset where it is text
  std::string_view content;
};

/// All files of the page.
std::span<const File> files();

}  // namespace fieldcast::web
