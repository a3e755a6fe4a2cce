// Keeps what the gateway really answered, for scripts/check-openapi.py: one file a schema of
// docs/openapi.yaml, one answer a line. Any thread, any number of processes at once.
#pragma once

#include <string>
#include <string_view>

namespace fieldcast::test {

/// `answer` is JSON on one line. Appends it to $FIELDCAST_RECORD_DIR/<schema>.ndjson; without that variable nothing is
/// kept.
void record(std::string_view schema, std::string_view answer);

}  // namespace fieldcast::test
