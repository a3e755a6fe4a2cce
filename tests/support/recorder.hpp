// Keeps what the gateway really answered, for scripts/check-openapi.py: one file a schema of
// docs/openapi.yaml, one answer a line. Any thread, any number of processes at once.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace fieldcast::test {

/// What is longer is not kept: it holds more of what shorter ones hold, and takes most of the time to check.
inline constexpr std::size_t kRecordedBytes = 32 * 1024;

/// `answer` is JSON on one line. Appends it to $FIELDCAST_RECORD_DIR/<schema>.ndjson; without that variable nothing is
/// kept.
void record(std::string_view schema, std::string_view answer);

}  // namespace fieldcast::test
