// What the tools write, and what they read back of /metrics.
#include <gtest/gtest.h>

#include "tools/findings.hpp"
#include "tools/metrics_text.hpp"
#include "tools/text.hpp"
#include "tools/web_client.hpp"

namespace fieldcast::tools {
namespace {

TEST(ToolsText, TimesSizesAndSpansAreForReading) {
  EXPECT_EQ(time_text(1'764'000'000'123), "2025-11-24T16:00:00Z");
  EXPECT_EQ(time_text(-1), "1969-12-31T23:59:59Z");
  EXPECT_EQ(size_text(0), "0 bytes");
  EXPECT_EQ(size_text(1'536), "1.5 KiB");
  EXPECT_EQ(size_text(3.0 * 1'024 * 1'024), "3 MiB");
  EXPECT_EQ(span_text(400), "0.4 s");
  EXPECT_EQ(span_text(90'000), "1.5 min");
  EXPECT_EQ(span_text(7 * 86'400'000), "7 d");
  EXPECT_EQ(count_text(1, "block", "blocks"), "1 block");
  EXPECT_EQ(count_text(0, "block", "blocks"), "0 blocks");
}

TEST(ToolsText, AFindingIsOneLineThatCannotSteerATerminal) {
  BlockCodec codec;
  Entry entry;
  entry.topic = "a\n\x1b[31m";
  BlockRow row{101, 200, 100, 1'764'000'000'000, 1'764'000'060'000, codec.encode_topics({&entry, 1})};
  EXPECT_EQ(finding_text({Finding::What::block, 101, 200, row, "why"}),
            "seq 101 to 200: damaged block: why; 100 entries from 2025-11-24T16:00:00Z to 2025-11-24T16:01:00Z, of "
            "a\\x0a\\x1b[31m");
  EXPECT_EQ(finding_text({Finding::What::hole, 5, 5, std::nullopt, ""}),
            "seq 5: not in the log: lost before it was on disk");
  EXPECT_EQ(finding_text({Finding::What::state, 2, 2, std::nullopt, "why"}),
            "piece 2 of the state: damaged latest readings (no reading of the log): why");
}

TEST(MetricsText, IsReadBack) {
  const MetricsText text(
      "# HELP a Text.\n# TYPE a counter\na 5\nb{x=\"1\",y=\"q\\\"\\\\\\n, }\"} 2\nb{x=\"2\",y=\"\"} "
      "0.5\nbroken{x=\n\n");
  EXPECT_EQ(text.sum("a"), 5);
  EXPECT_EQ(text.sum("b"), 2.5);
  EXPECT_EQ(text.sum("c"), 0);
  EXPECT_EQ(text.by("b", "x"), (std::map<std::string, double>{{"1", 2}, {"2", 0.5}}));
  EXPECT_EQ(text.samples("b").at(0).labels.at("y"), "q\"\\\n, }");
  EXPECT_TRUE(text.samples("broken").empty());
}

TEST(WebClient, TakesAddressesOnly) {
  for (const char* good : {"http://127.0.0.1:8080", "http://[::1]:8080", "https://hall-3.example", "http://[::1]"})
    EXPECT_NO_THROW(WebClient(good, {})) << good;
  for (const char* bad : {"http://", "http://a:", "http://a:x", "http://a/b", "http://u@a", "http://:80"})
    EXPECT_THROW(WebClient(bad, {}), std::runtime_error) << bad;
  EXPECT_THROW(WebClient("https://a", {.certificate = "/nonexistent", .authorities = ""}), std::runtime_error);
  EXPECT_THROW(WebClient("https://a", {.certificate = "", .authorities = "/nonexistent"}), std::runtime_error);
}

}  // namespace
}  // namespace fieldcast::tools
