// fieldcast export, check and status beside a real gateway, over its database in use, killed, stopped and copied.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/certificates.hpp"
#include "tests/support/hall.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/page.hpp"
#include "tests/support/temp_dir.hpp"

namespace fieldcast::test {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;

std::string bytes_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

struct ToolRun {
  int code;
  std::string out, err;
};

/// Runs the program to its end.
ToolRun tool(std::vector<std::string> arguments) {
  const TempDir directory;
  const std::string out = directory.path() / "out";
  std::vector<std::string> command{"/bin/sh", "-c", R"(out="$1"; shift; exec "$@" >"$out")", "sh", out, program()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  Process process(std::move(command));
  const int code = process.wait_for_exit();
  return {code, bytes_of(out), process.output()};
}

std::string config_of(const Gateway& gateway) {
  return fs::path(gateway.database()).parent_path() / "fieldcast.toml";
}

std::map<std::string, std::string> files_in(const fs::path& directory) {
  std::map<std::string, std::string> found;
  for (const auto& file : fs::directory_iterator(directory)) found[file.path().filename()] = bytes_of(file.path());
  return found;
}

/// Payloads of every kind, none like the other.
std::string payload(int i) {
  const std::string n = std::to_string(i);
  switch (i % 12) {
    case 0:
      return n + ".500";
    case 1:
      return R"({ "value" : )" + n + R"( , "a":[1,1E+2,-0], "a":1234567890123456789012345678901234567890 })";
    case 2:
      return "text " + n + " \"quoted\", with\nlines\r\n";
    case 3:
      return "\xFF\x00\xFE"s + n;
    case 4:
      return std::string(1'100, 'x') + n;  // omitted
    case 5:
      return R"("\ud83d\ude00 )" + n + '"';
    case 6:
      return "";
    case 7:
      return "\xE2\x80\xA8</script>\x7f" + n;
    case 8:
      return "1e400" + n;
    case 9:
      return std::string(static_cast<std::size_t>(i % 900), '7');
    case 10:
      return "true";
    default:
      return "[" + n + ",null]";
  }
}

/// A gateway that has taken in some thousand readings, and each of them as a WebSocket client saw it.
class ExportTest : public testing::Test {
 protected:
  void pour(Hall& hall, int count) {
    for (int i = 0; i < count; ++i) {
      const std::string topic = i % 97 == 0 ? "$hall/state" : "hall/press-" + std::to_string(i % 50) + "/é,\"t\"";
      hall.publisher().send({topic, payload(poured_ + i), i % 3, i % 200 == 0});
    }
    poured_ += count;
    hall.settle();
  }

  /// All readings from the oldest on, as they stood in the batches of a client: one a line.
  static std::string seen(Hall& hall) {
    const auto all = static_cast<std::size_t>(hall.metric("fieldcast_readings_total"));
    const auto stream = hall.open(Transport::websocket, {{"#", "$hall/#"}, "oldest", ""});
    std::string lines;
    for (std::size_t count = 0; count < all;) {
      const Batch batch = stream->batch_with_readings();
      count += batch.readings.size();
      constexpr std::string_view kBegin = ",\"readings\":[";
      const auto begin = batch.raw.find(kBegin) + kBegin.size();
      std::string readings = batch.raw.substr(begin, batch.raw.size() - begin - 2);
      // Between two objects, where no string can hold it.
      for (std::size_t at = 0; (at = readings.find("},{\"seq\":", at)) != std::string::npos;) readings[at + 1] = '\n';
      lines += readings + '\n';
    }
    return lines;
  }

  static void expect_same(const ToolRun& run, const std::string& expected, const std::string& what) {
    EXPECT_EQ(run.code, 0) << what << run.err;
    EXPECT_EQ(run.err, "") << what;
    EXPECT_TRUE(run.out == expected) << what << ": " << run.out.size() << " bytes for " << expected.size();
  }

  int poured_ = 0;
};

TEST_F(ExportTest, IsWhatAClientSawDigitForDigit) {
  Hall hall({.storage = "commit_interval = \"20ms\"\n", .limits = "payload = 1024\n"});
  const std::string config = config_of(hall.gateway());
  // While readings come: each export is the beginning of the next, and of what was seen.
  std::vector<std::string> meanwhile;
  for (int i = 0; i < 4; ++i) {
    pour(hall, 2'000);
    const auto run = tool({"export", "--config", config});
    EXPECT_EQ(run.code, 0) << run.err;
    meanwhile.push_back(run.out);
  }
  const std::string expected = seen(hall);
  ASSERT_GT(std::count(expected.begin(), expected.end(), '\n'), 8'000);
  for (const std::string& before : meanwhile) EXPECT_TRUE(expected.starts_with(before)) << before.size();
  EXPECT_EQ(meanwhile.back(), expected) << "the journal has what is not committed";
  expect_same(tool({"export", "--config", config}), expected, "in use");

  // The same bytes as the pages of history.
  std::string table;
  for (std::string from, more = "true"; more == "true";) {
    const auto page = http(hall.gateway().peer(),
                           {"/v1/readings?topic=%23&topic=$hall/%23&limit=10000" + from, {{"Accept", "text/csv"}}});
    table += table.empty() ? page.body : page.body.substr(page.body.find('\n') + 1);
    more = page["fieldcast-more"];
    from = "&from=" + page["fieldcast-cursor"];
  }
  expect_same(tool({"export", "--config", config, "--format", "csv"}), table, "csv");

  // Killed: what was not committed is in the journal; and nothing is touched.
  hall.gateway().kill();
  const auto directory = fs::path(hall.gateway().database()).parent_path();
  const auto before = files_in(directory);
  expect_same(tool({"export", "--config", config}), expected, "killed");
  EXPECT_EQ(tool({"check", "--config", config}).code, 0);
  EXPECT_TRUE(files_in(directory) == before);

  // Stopped: the file alone is all.
  hall.gateway().start();
  hall.gateway().terminate();
  EXPECT_EQ(hall.gateway().process().wait_for_exit(), 0);
  const TempDir elsewhere;
  fs::copy_file(hall.gateway().database(), elsewhere.path() / "copy.db");
  const auto copy = tool({"export", "--database", elsewhere.path() / "copy.db"});
  expect_same(copy, expected, "copied");
  EXPECT_EQ(files_in(elsewhere.path()).size(), 1u) << "nothing was made beside it";
}

TEST_F(ExportTest, OfACopyThatWasMadeInUseEndsAtACommit) {
  Hall hall({.storage = "commit_interval = \"20ms\"\n", .limits = "payload = 1024\n"});
  pour(hall, 500);
  hall.wait_until_stored();
  const std::string expected = seen(hall);
  hall.gateway().process().freeze();
  const TempDir elsewhere;
  for (const char* part : {"", "-wal"})
    fs::copy_file(hall.gateway().database() + part, elsewhere.path() / ("copy.db"s + part));
  hall.gateway().process().signal(SIGCONT);
  const auto before = files_in(elsewhere.path());
  const auto run = tool({"export", "--database", elsewhere.path() / "copy.db"});
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(run.out, expected);
  EXPECT_NE(run.err.find("note: no journal belongs to "), std::string::npos) << run.err;
  EXPECT_TRUE(files_in(elsewhere.path()) == before);
}

TEST_F(ExportTest, HasWhatIsInTheJournalOnly) {
  Hall hall({.storage = "commit_interval = \"1h\"\n", .limits = "payload = 1024\n"});
  pour(hall, 1'000);
  const std::string expected = seen(hall), config = config_of(hall.gateway());
  expect_same(tool({"export", "--config", config}), expected, "in use");
  hall.gateway().kill();
  expect_same(tool({"export", "--config", config}), expected, "killed");
  hall.gateway().lose_journal();
  const auto run = tool({"export", "--config", config});
  EXPECT_EQ(run.out, "") << "a power cut takes it";
  EXPECT_NE(run.err.find("no journal"), std::string::npos) << run.err;
}

TEST_F(ExportTest, TakesTopicsAndTimes) {
  Hall hall({.storage = "commit_interval = \"20ms\"\n"});
  for (int i = 0; i < 30; ++i) hall.publish("a/" + std::to_string(i % 3), std::to_string(i));
  const std::string config = config_of(hall.gateway());
  const auto page = get_page(hall.port(), "topic=a/%2B");
  ASSERT_EQ(page.readings.size(), 30u);
  const auto start = std::to_string(page.readings[10].time), end = std::to_string(page.readings[20].time);
  const auto as_page = [&](const std::string& query) { return get_page(hall.port(), query, PageFormat::ndjson).raw; };
  const auto exported = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"export", "--config", config});
    return tool(std::move(more)).out;
  };
  EXPECT_EQ(exported({"--topic", "a/1", "--topic", "a/2"}), as_page("topic=a/1&topic=a/2"));
  EXPECT_EQ(exported({"--topic", "a/#", "--start", start, "--end", end}),
            as_page("topic=a/%23&start=" + start + "&end=" + end));
  EXPECT_EQ(exported({"--topic", "a/+", "--start", "-1h"}), as_page("topic=a/%2B"));
  EXPECT_EQ(exported({"--topic", "a/+", "--end", "2020-01-01T00:00:00Z"}), "");
  EXPECT_EQ(exported({"--topic", "nobody"}), "");
  for (const std::vector<std::string>& wrong : std::vector<std::vector<std::string>>{
           {"--topic", "a#"}, {"--start", "yesterday"}, {"--start", "2000", "--end", "1000"}}) {
    std::vector<std::string> arguments{"export", "--config", config};
    arguments.insert(arguments.end(), wrong.begin(), wrong.end());
    const auto run = tool(arguments);
    EXPECT_EQ(run.code, 2) << run.out;
    EXPECT_TRUE(run.err.starts_with("fieldcast: " + wrong[0])) << run.err;
  }
}

TEST_F(ExportTest, NamesTheBrokerWhereThereAreSeveral) {
  Mosquitto press;
  Hall hall({.more_brokers = {{"press", mqtt_url(press.port()), "prefix = \"press/\"\n"}}});
  hall.publish("a", "1");
  const auto run = tool({"export", "--config", config_of(hall.gateway()), "--topic", "a"});
  EXPECT_EQ(run.out, get_page(hall.port(), "topic=a", PageFormat::ndjson).raw);
  EXPECT_NE(run.out.find(R"("broker":"local"})"), std::string::npos) << run.out;
}

TEST_F(ExportTest, EndsWhereNobodyReadsOnAndSaysThatADiskIsFull) {
  Hall hall({.limits = "payload = 1024\n"});
  pour(hall, 3'000);
  const std::string config = config_of(hall.gateway());
  Process reader(
      {"/bin/sh", "-c", R"({ "$0" export --config "$1"; echo "code $?" >&2; } | head -n 1)", program(), config});
  EXPECT_EQ(reader.wait_for_exit(), 0);
  EXPECT_NE(reader.output().find("code 0"), std::string::npos) << reader.output();
  EXPECT_EQ(reader.output().find("fieldcast: "), std::string::npos) << reader.output();
  Process full({"/bin/sh", "-c", R"(exec "$0" export --config "$1" >/dev/full)", program(), config});
  EXPECT_EQ(full.wait_for_exit(), 1);
  EXPECT_NE(full.output().find("No space left on device"), std::string::npos) << full.output();
}

// Whatever byte of it changes: what comes was there, and what does not come is told.
TEST_F(ExportTest, OfADamagedFileGivesTheRestAndTellsWhatIsMissing) {
  Hall hall({.storage = "commit_interval = \"20ms\"\n", .limits = "payload = 1024\n"});
  pour(hall, 7'000);
  const std::string expected = seen(hall);
  hall.gateway().terminate();
  EXPECT_EQ(hall.gateway().process().wait_for_exit(), 0);
  std::set<std::string> lines;
  std::istringstream all(expected);
  for (std::string line; std::getline(all, line);) lines.insert(line);
  const TempDir elsewhere;
  const std::string file = elsewhere.path() / "damaged.db", good = bytes_of(hall.gateway().database());
  int damaged = 0;
  const auto judge = [&](const std::string& bytes) {
    elsewhere.write("damaged.db", bytes);
    const auto check = tool({"check", "--database", file}), run = tool({"export", "--database", file});
    EXPECT_EQ(bytes_of(file), bytes) << "it is not changed";
    std::istringstream given(run.out);
    std::size_t count = 0;
    for (std::string line; std::getline(given, line); ++count) EXPECT_TRUE(lines.contains(line)) << line;
    EXPECT_EQ(run.code == 1, count < lines.size()) << run.err;
    EXPECT_EQ(run.err.empty(), run.code == 0) << run.err;
    if (run.code == 1) {
      EXPECT_EQ(check.code, 1) << check.out;
      ++damaged;
    }
    return check.out;
  };
  for (std::size_t at = 5'000; at < good.size() && !HasFailure(); at += good.size() / 12) {
    SCOPED_TRACE(at);
    std::string bytes = good;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x55);
    judge(bytes);
  }
  EXPECT_GT(damaged, 3);
  EXPECT_NE(judge(good.substr(0, good.size() / 2 / 1'024 * 1'024)).find("damaged: "), std::string::npos);
  EXPECT_NE(judge(good).find("nothing is damaged"), std::string::npos);

  std::string other = good;
  other[63] = 99;
  elsewhere.write("damaged.db", other);
  for (const char* name : {"check", "export"}) {
    const auto run = tool({name, "--database", file});
    EXPECT_EQ(run.code, 1);
    EXPECT_NE(run.err.find("written by a newer Fieldcast"), std::string::npos) << run.err;
  }
}

TEST(StatusTest, SaysHowAGatewayIsDoing) {
  Hall hall({.port = free_port()});
  hall.publish("a", "1");
  const std::string config = config_of(hall.gateway());
  const auto stream = hall.open(Transport::websocket, {{"a"}, "", ""});
  stream->batch();
  auto run = tool({"status", "--config", config});
  EXPECT_EQ(run.code, 0) << run.out << run.err;
  EXPECT_TRUE(run.out.starts_with("fieldcast ")) << run.out;
  for (const std::string& part :
       {" at http://127.0.0.1:" + std::to_string(hall.port()) + ": ready\n", "\nup        since "s,
        "\nbroker    local is up: "s, ", last reading "s, "\nstorage   "s, " on disk, readings since "s, "websocket 1"s,
        "\ngaps      none stated"s, "\nlimits    none reached"s, "\nmemory    "s})
    EXPECT_NE(run.out.find(part), std::string::npos) << part << " in\n" << run.out;
  EXPECT_LE(std::count(run.out.begin(), run.out.end(), '\n'), 10);
  EXPECT_EQ(run.out.find('\x1b'), std::string::npos) << "no colours but on a terminal";

  hall.broker().kill();
  const Deadline deadline;
  while (hall.metric("fieldcast_broker_up") != 0) ASSERT_GT(deadline.left_ms(), 0);
  run = tool({"status", "--url", "http://127.0.0.1:" + std::to_string(hall.port()) + "/"});
  EXPECT_EQ(run.code, 0) << "streams are served all the same";
  for (const std::string part :
       {": ready, but degraded\n", "\ndegraded  broker local: not connected", "\nbroker    local is down: "})
    EXPECT_NE(run.out.find(part), std::string::npos) << part << " in\n" << run.out;

  hall.gateway().kill();
  run = tool({"status", "--config", config});
  EXPECT_EQ(run.code, 1);
  EXPECT_NE(run.out.find(": does not answer: Connection refused\ndatabase  " + hall.gateway().database()),
            std::string::npos)
      << run.out;
  EXPECT_NE(run.out.find("; not stopped cleanly"), std::string::npos) << run.out;
  run = tool({"status", "--url", "http://127.0.0.1:" + std::to_string(hall.port())});
  EXPECT_EQ(run.code, 1);
  EXPECT_EQ(std::count(run.out.begin(), run.out.end(), '\n'), 1) << run.out;
}

TEST(StatusTest, SpeaksTls) {
  const Certificates certificates;
  const auto one = certificates.issue("hall-3", "DNS:hall-3.example"),
             other = certificates.issue("local", "IP:127.0.0.1");
  const auto keys = [](const CertificateFiles& files) {
    return "tls.certificate = \"" + files.certificate + "\"\ntls.key = \"" + files.key + "\"\n";
  };
  // By the configuration it is this certificate that is trusted, under whatever name.
  Mosquitto broker;
  const auto port = free_port();
  Gateway gateway(
      {.broker_port = broker.port(), .port = port, .server = keys(other), .authority = certificates.authority()});
  const std::string config = config_of(gateway), url = "https://127.0.0.1:" + std::to_string(port);
  auto run = tool({"status", "--config", config});
  EXPECT_EQ(run.code, 0) << run.out << run.err;
  EXPECT_NE(run.out.find(" at " + url + ": ready"), std::string::npos) << run.out;
  run = tool({"status", "--url", url, "--cacert", certificates.authority()});
  EXPECT_EQ(run.code, 0) << run.out << run.err;
  run = tool({"status", "--url", url});
  EXPECT_EQ(run.code, 1);
  EXPECT_NE(run.out.find("its certificate is not trusted: "), std::string::npos) << run.out;

  // Another one is not it, though the same authority has issued it.
  const TempDir directory;
  std::string text = bytes_of(config);
  text.replace(text.find(other.certificate), other.certificate.size(), one.certificate);
  run = tool({"status", "--config", directory.write("other.toml", text)});
  EXPECT_EQ(run.code, 1);
  EXPECT_NE(run.out.find("its certificate is not trusted: "), std::string::npos) << run.out;
}

TEST(StatusTest, WhatIsNoGatewayIsNone) {
  Mosquitto broker;
  const auto run = tool({"status", "--url", "http://127.0.0.1:" + std::to_string(broker.port())});
  EXPECT_EQ(run.code, 1) << run.out;
  EXPECT_NE(run.out.find("does not answer: "), std::string::npos) << run.out;
}

TEST(ToolConfiguration, ThatIsWrongIsExitTwo) {
  const TempDir directory;
  const std::string config = directory.write("bad.toml", "[server]\nnmae = 1\n");
  for (const char* name : {"export", "check", "status"}) {
    const auto run = tool({name, "--config", config});
    EXPECT_EQ(run.code, 2);
    EXPECT_NE(run.err.find(config + ":2:1: unknown key server.nmae"), std::string::npos) << run.err;
    EXPECT_EQ(tool({name, "--config", directory.path() / "none.toml"}).code, 2);
  }
  EXPECT_EQ(tool({"check", "--database", directory.path() / "none.db"}).code, 1);
}

}  // namespace
}  // namespace fieldcast::test
