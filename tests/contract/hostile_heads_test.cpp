// [H-14], [H-15]: heads that are none, or that name what is not here; and other protocols on our port.
#include "tests/contract/hostile.hpp"

namespace fieldcast::test {
namespace {

std::string line(const std::string& request_line) {
  return request_line + "\r\n" + kHost + "\r\n";
}
std::string target(const std::string& text) {
  return line("GET " + text + " HTTP/1.1");
}
std::string host(const std::string& field) {
  return "GET /healthz HTTP/1.1\r\n" + field + "\r\n";
}
std::string handshake(const std::string& request_line, const std::string& fields) {
  return request_line + "\r\n" + kHost + fields + "\r\n";
}

const std::string kKey = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const std::string kUpgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
const std::string kVersion = "Sec-WebSocket-Version: 13\r\n";

std::vector<Hostile> line_cases() {
  return {
      {"BareLfs", "GET /healthz HTTP/1.1\nHost: 127.0.0.1\n\n", "400"},
      {"ABareLfBehindTheRequestLine", "GET /healthz HTTP/1.1\n" + kHost + "\r\n", "400"},
      {"ABareLfBehindAField", sound("A: b\n"), "400"},
      {"ABareLfAtTheEnd", "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\n", "400"},
      {"ABareCrBehindTheRequestLine", "GET /healthz HTTP/1.1\r" + kHost + "\r\n", "400"},
      {"ABareCrInAValue", sound("A: b\rc\r\n"), "400"},
      {"ABareCrBehindAValue", sound("A: b\r\r\n"), "400"},
      {"ABareCrInAName", sound("A\rB: c\r\n"), "400"},
      {"ABareCrBeforeTheEnd", sound("A: b\r\n\r"), "400"},
      {"ANulInTheTarget", target("/heal\0thz"s), "400"},
      {"ANulInAName", sound("A\0: b\r\n"s), "400"},
      {"ANulInAValue", sound("A: b\0c\r\n"s), "400"},
      {"ANulFirst", "\0"s + sound(""), "400"},
      {"AControlCharacterInAValue", sound("A: b\x1b[2J\r\n"), "400"},
      {"DelInAValue", sound("A: b\x7f\r\n"), "400"},
      {"HighBytesInAValue", sound("A: gr\xfcn\r\n"), "200 C"},
      {"HighBytesInAName", sound("gr\xfcn: b\r\n"), "400"},
      {"AFoldedValue", sound("A: b\r\n c\r\n"), "400"},
      {"AFoldedValueByTab", sound("A: b\r\n\tc\r\n"), "400"},
      {"AFirstFieldThatIsFolded", "GET /healthz HTTP/1.1\r\n Host: 127.0.0.1\r\n\r\n", "400"},
      {"ALineOfSpace", sound(" \r\n"), "400"},
      {"ALineWithoutColon", sound("nonsense\r\n"), "400"},
      {"AColonOnly", sound(":\r\n"), "400"},
      {"AFieldWithoutName", sound(": b\r\n"), "400"},
      {"ASpaceInAName", sound("A B: c\r\n"), "400"},
      {"ASpaceBeforeTheColon", sound("A : b\r\n"), "400"},
      {"ANameThatIsNoToken", sound("A(: b\r\n"), "400"},
      {"AnEmptyValue", sound("A:\r\n"), "200 C"},
      {"ManyFields",
       [] {
         std::string fields;
         for (int i = 0; i < 5'000; ++i) fields += "A:\r\n";
         return sound(fields);
       }(),
       "431"},
      {"AHundredAndOneFields",
       [] {
         std::string fields;
         for (int i = 0; i < 100; ++i) fields += "A:\r\n";
         return sound(fields);
       }(),
       "431"},
      {"AnOversizedValue", sound("A: " + std::string(17'000, 'x') + "\r\n"), "431"},
      {"AnOversizedName", sound(std::string(17'000, 'x') + ": a\r\n"), "431"},
      {"ALineThatNeverEnds", std::string(40'000, 'x'), "431"},
      {"OneBlankLineBefore", "\r\n" + sound(""), "200 C"},
      {"TwoBlankLinesBefore", "\r\n\r\n" + sound(""), "400"},
      {"ABareLfBefore", "\n" + sound(""), "400"},
      {"ABareCrBefore", "\r" + sound(""), "400"},
      {"ASpaceBefore", " " + sound(""), "400"},
      {"HalfAHead", "GET /healthz HTTP/1.1\r\nHost: 127", "", Behind::end},
      {"HalfAMethod", "GE", "", Behind::end},
      {"Nothing", "", "", Behind::end},
  };
}

std::vector<Hostile> host_cases() {
  return {
      {"None", host(""), "400"},
      {"NoneInHttp10", "GET /healthz HTTP/1.0\r\n\r\n", "200"},
      {"Two", host(kHost + kHost), "400"},
      {"TwoThatDiffer", host(kHost + "Host: evil\r\n"), "400"},
      {"TwoInOtherCase", host(kHost + "HOST: 127.0.0.1\r\n"), "400"},
      {"TwoInHttp10", "GET /healthz HTTP/1.0\r\n" + kHost + kHost + "\r\n", "400"},
      {"AnEmptyOne", host("Host:\r\n"), "400"},
      {"AForeignOne", host("Host: evil.example\r\n"), "421 C"},
      {"AList", host("Host: 127.0.0.1, evil\r\n"), "400"},
      {"ASpace", host("Host: 127.0.0.1 evil\r\n"), "400"},
      {"ATab", host("Host:\t127.0.0.1\r\n"), "400"},
      {"AUser", host("Host: evil@127.0.0.1\r\n"), "400"},
      {"APath", host("Host: 127.0.0.1/x\r\n"), "400"},
      {"ABackslash", host("Host: 127.0.0.1\\x\r\n"), "400"},
      {"AQuery", host("Host: 127.0.0.1?x\r\n"), "400"},
      {"TwoPorts", host("Host: 127.0.0.1:80:80\r\n"), "421 C"},
      {"APortThatIsNone", host("Host: 127.0.0.1:x\r\n"), "421 C"},
      {"APortTooLarge", host("Host: 127.0.0.1:65616\r\n"), "421 C"},
      {"TwoDots", host("Host: local..host\r\n"), "400"},
      {"Dots", host("Host: ..\r\n"), "400"},
      {"ANul", host("Host: 127.0.0.1\0evil\r\n"s), "400"},
      {"Markup", host("Host: <script>alert(1)</script>\r\n"), "400"},
      {"AnOpenBracket", host("Host: [::1\r\n"), "421 C"},
      {"BehindABracket", host("Host: [::1]evil\r\n"), "421 C"},
      {"SpaceBeforeTheColon", host("Host : 127.0.0.1\r\n"), "400"},
      {"Folded", host("Host:\r\n 127.0.0.1\r\n"), "400"},
  };
}

std::vector<Hostile> target_cases() {
  return {
      {"AnAbsoluteOne", target("http://127.0.0.1/healthz"), "200 C"},
      {"OfAnotherHost", target("http://evil.example/healthz"), "400"},
      {"OfAnotherPort", target("http://127.0.0.1:1/healthz"), "400"},
      {"OfAUser", target("http://evil@127.0.0.1/healthz"), "400"},
      {"OfAnotherScheme", target("ftp://127.0.0.1/healthz"), "400"},
      {"OfNoHost", target("http:///healthz"), "400"},
      {"OfNothing", target("http://"), "400"},
      {"OfAnEmptyHost", host("Host:\r\n").insert(4, "http://"), "400"},
      {"WithoutASlash", target("healthz"), "400"},
      {"AnAsterisk", target("*"), "400"},
      {"AnAuthority", target("127.0.0.1:80"), "400"},
      {"ABackslash", target("\\healthz"), "400"},
      {"AnEmptyOne", line("GET  HTTP/1.1"), "400"},
      {"ASpace", target("/a b"), "400"},
      {"ASpaceAndAVersion", target("/healthz HTTP/1.1 x"), "400"},
      {"ATab", target("/a\tb"), "400"},
      {"ABareCr", target("/a\rb"), "400"},
      {"AFragment", target("/healthz#x"), "400"},
      {"HighBytes", target("/\xc3\xa4"), "400"},
      {"Del", target("/\x7f"), "400"},
      {"APercentSign", target("/healthz%"), "400"},
      {"ABadPercentEncoding", target("/healthz%zz"), "400"},
      {"ANul", target("/healthz%00"), "400"},
      {"ALineBreak", target("/healthz%0d%0aX:%20y"), "400"},
      {"AnEncodedBackslash", target("/..%5c..%5cetc/passwd"), "400"},
      {"TwoSlashes", target("//evil.example/"), "404 C"},
      {"OverTheRoot", target("/../etc/passwd"), "400"},
      {"OverTheRootOfAFile", target("/client.js/../../../etc/passwd"), "400"},
      {"OverTheRootEncoded", target("/%2e%2e/%2e%2e/etc/passwd"), "400"},
      {"OverTheRootWithEncodedSlashes", target("/..%2f..%2fetc%2fpasswd"), "400"},
      {"OverTheRootEncodedTwice", target("/%252e%252e/etc/passwd"), "404 C"},
      {"OverTheRootByFourDots", target("/....//....//etc/passwd"), "404 C"},
      {"OverlongDots", target("/%c0%ae%c0%ae/etc/passwd"), "404 C"},
      {"ADot", target("/./healthz"), "400"},
      {"AnOversizedOne", target("/" + std::string(17'000, 'x')), "431"},
      {"AnOversizedQuery", target("/healthz?" + std::string(17'000, 'x')), "431"},
      {"AQueryThatIsNone", target("/healthz?x=%"), "400 C"},
  };
}

std::vector<Hostile> method_and_version_cases() {
  return {
      {"Trace", line("TRACE /healthz HTTP/1.1"), "405"},
      {"Connect", line("CONNECT evil.example:443 HTTP/1.1"), "405"},
      {"ConnectHere", "CONNECT 127.0.0.1:80 HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n", "405"},
      {"ConnectAPath", line("CONNECT /healthz HTTP/1.1"), "405"},
      {"Put", handshake("PUT /healthz HTTP/1.1", "Content-Length: 5\r\n") + "GET /", "405 C"},
      {"Delete", line("DELETE / HTTP/1.1"), "405 C"},
      {"LowerCase", line("get /healthz HTTP/1.1"), "405"},
      {"Unknown", line("BREW /healthz HTTP/1.1"), "405"},
      {"AlmostKnown", line("GETS /healthz HTTP/1.1"), "405"},
      {"NoToken", line("GE(T /healthz HTTP/1.1"), "400"},
      {"ATab", line("GET\t/healthz HTTP/1.1"), "400"},
      {"TwoSpaces", line("GET  /healthz HTTP/1.1"), "400"},
      {"AnOversizedMethod", line(std::string(17'000, 'X') + " / HTTP/1.1"), "431"},
      {"ASpaceBehindTheVersion", line("GET /healthz HTTP/1.1 "), "400"},
      {"Http09", "GET /healthz\r\n", "400"},
      {"Http09WithHead", line("GET /healthz"), "400"},
      {"Http09InWords", line("GET /healthz HTTP/0.9"), "400"},
      {"Http12", line("GET /healthz HTTP/1.2"), "400"},
      {"Http110", line("GET /healthz HTTP/1.10"), "400"},
      {"Http011", line("GET /healthz HTTP/01.1"), "400"},
      {"Http11WithoutDot", line("GET /healthz HTTP/11"), "400"},
      {"Http2", line("GET /healthz HTTP/2"), "400"},
      {"Http20", line("GET /healthz HTTP/2.0"), "400"},
      {"Http99", line("GET /healthz HTTP/9.9"), "400"},
      {"AnotherProtocol", line("GET /healthz ICY/1.1"), "400"},
      {"LowerCaseVersion", line("GET /healthz http/1.1"), "400"},
      {"NoVersion", line("GET /healthz "), "400"},
      {"PrefaceOfHttp2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"s, "400"},
      {"Http10", "GET /healthz HTTP/1.0\r\n\r\n", "200"},
      {"Http10KeptAliveAndClosed", "GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n",
       "200"},
      {"Http10KeptAlive", "GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "200 C"},
  };
}

std::vector<Hostile> upgrade_cases() {
  const std::string ws = "GET /v1/ws HTTP/1.1";
  return {
      {"Sound", handshake(ws, kUpgrade + kVersion + kKey), "101"},
      {"AnOldVersion", handshake(ws, kUpgrade + kKey + "Sec-WebSocket-Version: 8\r\n"), "426"},
      {"NoVersion", handshake(ws, kUpgrade + kKey), "426"},
      {"TwoVersions", handshake(ws, kUpgrade + kKey + kVersion + "Sec-WebSocket-Version: 8\r\n"), "426"},
      {"NoKey", handshake(ws, kUpgrade + kVersion), "400"},
      {"AShortKey", handshake(ws, kUpgrade + kVersion + "Sec-WebSocket-Key: dGhlIHNhbXBsZQ==\r\n"), "400"},
      {"AKeyThatIsNone", handshake(ws, kUpgrade + kVersion + "Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!==\r\n"), "400"},
      {"TwoKeys", handshake(ws, kUpgrade + kVersion + kKey + kKey), "400"},
      {"AnotherMethod", handshake("POST /v1/ws HTTP/1.1", kUpgrade + kVersion + kKey), "405"},
      {"Http10", handshake("GET /v1/ws HTTP/1.0", kUpgrade + kVersion + kKey), "426"},
      {"NoConnection", handshake(ws, "Upgrade: websocket\r\n" + kVersion + kKey), "400"},
      {"NoUpgrade", handshake(ws, "Connection: Upgrade\r\n" + kVersion + kKey), "426 C"},
      {"AnotherProtocol", handshake(ws, "Upgrade: h2c\r\nConnection: Upgrade\r\n" + kVersion + kKey), "426 C"},
      {"ABody", handshake(ws, kUpgrade + kVersion + kKey + "Content-Length: 5\r\n") + "GET /", "400"},
      {"ABodyInChunks", handshake(ws, kUpgrade + kVersion + kKey + "Transfer-Encoding: chunked\r\n") + "0\r\n\r\n",
       "400"},
      {"AForeignOrigin", handshake(ws, kUpgrade + kVersion + kKey + "Origin: http://evil.example\r\n"), "403"},
      {"NotHere", handshake("GET /healthz HTTP/1.1", kUpgrade + kVersion + kKey), "200"},
      {"Http2OverPlainText",
       sound("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"), "200 C"},
  };
}

std::vector<Hostile> stream_of_bytes_cases() {
  return {
      {"Good", sound(""), "200 C"},
      {"GarbageBehind", sound("") + "\x01\x02\x03", "200 400"},
      {"AFaultyHeadBehind", sound("") + sound("A : b\r\n"), "200 400"},
      {"AForeignHostBehind", sound("") + host("Host: evil\r\n"), "200 421 C"},
      {"ByteOrderMark", "\xef\xbb\xbf" + sound(""), "400"},
      {"TlsHello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s + std::string(32, 'r') + "\r\n\r\n", "400"},
      {"HalfATlsHello", "\x16\x03\x01"s, "400", Behind::end},
      {"Socks5", "\x05\x01\x00"s, "400"},
      {"Mqtt", "\x10\x0c\0\4MQTT\4\2\0\x3c\0\0"s, "400"},
      {"Ssh", "SSH-2.0-OpenSSH_9.2\r\n", "400"},
      {"Smtp", "EHLO evil.example\r\n", "400"},
      {"Redis", "*1\r\n$4\r\nPING\r\n", "400"},
      {"ExpectsToGoOn", sound("Expect: 100-continue\r\nContent-Length: 5\r\n", "GET /"), "200 C"},
      {"ExpectsTwice", sound("Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 5\r\n", "GET /"), "400"},
      {"ExpectsSomethingElse", sound("Expect: a-wonder\r\n"), "200 C"},
      {"NamesFieldsOfTheConnection", sound("Connection: close, Host, Content-Length\r\nContent-Length: 5\r\n", "GET /"),
       "200"},
      {"ConditionsTwice", sound("If-None-Match: \"a\"\r\nIf-None-Match: \"b\"\r\n"), "400"},
      {"DatesTwice", sound("If-Modified-Since: a\r\nIf-Modified-Since: b\r\n"), "400"},
      {"CredentialsTwice", sound("Authorization: a\r\nAuthorization: b\r\n"), "400"},
      {"OriginsTwice", sound("Origin: http://127.0.0.1\r\nOrigin: http://evil\r\n"), "400"},
      {"AForeignOrigin", sound("Origin: http://evil.example\r\n"), "403 C"},
      {"AnOriginThatForges", sound("Origin: http://127.0.0.1\"},{\"x\":\"\r\n"), "403 C"},
      {"ACommandInChunks",
       "POST /v1/publish HTTP/1.1\r\n" + kHost +
           "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" +
           "1A;x\r\n{\"topic\":\"t\",\"payload\":1}\n\r\n0\r\n\r\n",
       "200 C", Behind::canary},
      {"ACommandTooLarge",
       "POST /v1/publish HTTP/1.1\r\n" + kHost + "Content-Type: application/json\r\nContent-Length: 900000\r\n\r\n{",
       "413"},
      {"ACommandTooLargeInChunks",
       "POST /v1/publish HTTP/1.1\r\n" + kHost +
           "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" + "c0000\r\n" +
           std::string(0xc0000, ' ') + "\r\n0\r\n\r\n",
       "413"},
  };
}

TEST(HostileHttp, Lines) {
  hold_against_nginx(line_cases());
}
TEST(HostileHttp, Hosts) {
  hold_against_nginx(host_cases());
}
TEST(HostileHttp, Targets) {
  hold_against_nginx(target_cases());
}
TEST(HostileHttp, MethodsAndVersions) {
  hold_against_nginx(method_and_version_cases());
}
TEST(HostileHttp, Upgrades) {
  hold_against_nginx(upgrade_cases());
}
TEST(HostileHttp, StreamsOfBytes) {
  hold_against_nginx(stream_of_bytes_cases());
}

}  // namespace
}  // namespace fieldcast::test
