// [H-14], [H-15]: where a request ends: lengths, codings and chunks that two readers could read in two ways.
#include "tests/contract/hostile.hpp"

namespace fieldcast::test {
namespace {

std::string chunks(const std::string& body) {
  return sound("Transfer-Encoding: chunked\r\n", body);
}

std::vector<Hostile> length_cases() {
  const std::string cl = "Content-Length: ", te = "Transfer-Encoding: ";
  return {
      {"OneLength", sound(cl + "5\r\n", "GET /"), "200 C"},
      {"ALengthOfNothing", sound(cl + "0\r\n"), "200 C"},
      {"ABodyThatIsARequest", sound(cl + std::to_string(kInner.size()) + "\r\n", kInner), "200 C"},
      {"EqualLengths", sound(cl + "5\r\n" + cl + "5\r\n", "GET /"), "400"},
      {"ConflictingLengths", sound(cl + "5\r\n" + cl + "6\r\n", "GET /"), "400"},
      {"ConflictingLengthsFarApart", sound(cl + "0\r\nA: b\r\nC: d\r\n" + cl + "5\r\n", kInner), "400"},
      {"LengthsInOtherCase", sound("content-length: 5\r\nCONTENT-LENGTH: 0\r\n", "GET /"), "400"},
      {"AListOfLengths", sound(cl + "5, 5\r\n", "GET /"), "400"},
      {"ASign", sound(cl + "+5\r\n", "GET /"), "400"},
      {"ANegativeLength", sound(cl + "-5\r\n"), "400"},
      {"AHexadecimalLength", sound(cl + "0x5\r\n", "GET /"), "400"},
      {"AFraction", sound(cl + "5.0\r\n", "GET /"), "400"},
      {"AnExponent", sound(cl + "1e1\r\n", "GET /"), "400"},
      {"TwoNumbers", sound(cl + "5 5\r\n", "GET /"), "400"},
      {"NoNumber", sound(cl + "\r\n"), "400"},
      {"ANoBreakSpace", sound(cl + "\xa0"s + "5\r\n", "GET /"), "400"},
      {"AVerticalTab", sound(cl + "\v5\r\n", "GET /"), "400"},
      {"ATab", sound("Content-Length:\t5\r\n", "GET /"), "400"},
      {"ATabBehind", sound(cl + "5\t\r\n", "GET /"), "400"},
      {"TooManyDigits", sound(cl + "99999999999999999999999\r\n"), "400"},
      {"OverflowTo5", sound(cl + "18446744073709551621\r\n", "GET /"), "400"},
      {"OverflowTo5In32Bits", sound(cl + "4294967301\r\n", "GET /"), "413"},
      {"ALongBody", sound(cl + "20000\r\n", std::string(20'000, 'x')), "413"},
      {"LengthAndChunks", sound(cl + "5\r\n" + te + "chunked\r\n", "0\r\n\r\n" + kInner), "400"},
      {"ChunksAndLength", sound(te + "chunked\r\n" + cl + "5\r\n", "0\r\n\r\n" + kInner), "400"},
      {"NoLengthAndChunks", sound(cl + "0\r\n" + te + "chunked\r\n", "0\r\n\r\n" + kInner), "400"},
      {"SpaceBeforeTheColonOfALength", sound("Content-Length : 5\r\n", "GET /"), "400"},
      {"AnotherNameWithUnderscore", sound("Content_Length: 5\r\n"), "200 C"},
      {"ANameThatBeginsTheSame", sound("Content-Length-X: 5\r\n"), "200 C"},
      {"HalfABody", sound(cl + "5\r\n", "GE"), "", Behind::end},
  };
}

std::vector<Hostile> coding_cases() {
  const auto te = [](const std::string& value) { return sound("Transfer-Encoding:" + value + "\r\n", "0\r\n\r\n"); };
  return {
      {"Chunked", te(" chunked"), "200 C"},
      {"ChunkedInCapitals", te(" CHUNKED"), "200 C"},
      {"ChunkedWithoutSpace", te("chunked"), "200 C"},
      {"ChunkedBehindATab", te("\tchunked"), "400"},
      {"ChunkedBeforeATab", te(" chunked\t"), "400"},
      {"ChunkedBehindAVerticalTab", te(" \vchunked"), "400"},
      {"ChunkedBeforeAVerticalTab", te(" chunked\v"), "400"},
      {"ChunkedBehindANul", te(" \0chunked"s), "400"},
      {"ChunkedBehindAHighByte",
       te(" \x85"
          "chunked"),
       "400"},
      {"ChunkedTwiceInAList", te(" chunked, chunked"), "400"},
      {"ChunkedTwice", sound("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), "400"},
      {"ChunkedAndIdentity", sound("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n"),
       "400"},
      {"IdentityAndChunked", te(" identity, chunked"), "400"},
      {"Identity", te(" identity"), "400"},
      {"GzipAndChunked", te(" gzip, chunked"), "400"},
      {"Unknown", te(" cow"), "400"},
      {"NoCoding", te(""), "400"},
      {"AComma", te(" ,chunked"), "400"},
      {"AnotherComma", te(" chunked,"), "400"},
      {"AParameter", te(" chunked;q=1"), "400"},
      {"InQuotes", te(" \"chunked\""), "400"},
      {"XChunked", te(" xchunked"), "400"},
      {"ChunkedAndNothing", sound("Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n", "0\r\n\r\n"), "400"},
      {"Folded", sound("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"), "400"},
      {"FoldedFromAnother", sound("A: b\r\n\tTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), "400"},
      {"SpaceBeforeTheColon", sound("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"), "400"},
      {"TabBeforeTheColon", sound("Transfer-Encoding\t: chunked\r\n", "0\r\n\r\n"), "400"},
      {"NulInTheName", sound("Transfer-Encoding\0: chunked\r\n"s, "0\r\n\r\n"), "400"},
      {"BehindABareLf", sound("A: b\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), "400"},
      {"BehindABareCr", sound("A: b\rTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), "400"},
      {"OfHttp10", "GET /healthz HTTP/1.0\r\n" + kHost + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
  };
}

std::vector<Hostile> chunk_cases() {
  const std::string end = "\r\n0\r\n\r\n";
  return {
      {"OneChunk", chunks("5\r\nGET /" + end), "200 C"},
      {"AChunkThatIsARequest", chunks("2B\r\n" + std::string(43, 'x') + end), "200 C"},
      {"AnExtension", chunks("5;a=b\r\nGET /" + end), "200 C"},
      {"ATrailer", chunks("0\r\nA: b\r\n\r\n"), "200 C"},
      {"ATrailerThatFrames", chunks("0\r\nContent-Length: 50\r\nTransfer-Encoding: chunked\r\nHost: evil\r\n\r\n"),
       "200 C"},
      {"LeadingZeros", chunks("0000000005\r\nGET /" + end), "200 C"},
      {"NoSize", chunks("\r\nGET /" + end), "400"},
      {"NoHexadecimalSize", chunks("g\r\nGET /" + end), "400"},
      {"ASign", chunks("+5\r\nGET /" + end), "400"},
      {"ANegativeSize", chunks("-5\r\nGET /" + end), "400"},
      {"APrefix", chunks("0x5\r\nGET /" + end), "400"},
      {"ASpaceBefore", chunks(" 5\r\nGET /" + end), "400"},
      {"ASpaceBehind", chunks("5 \r\nGET /" + end), "400"},
      {"TwoSizes", chunks("5 6\r\nGET /" + end), "400"},
      {"AnUnderscore", chunks("5_\r\nGET /" + end), "400"},
      {"Overflow", chunks("10000000000000005\r\nGET /" + end), "400"},
      {"HugeSize", chunks("ffffffffffffffff\r\n" + std::string(17'000, 'x')), "413"},
      {"OverflowIn32Bits", chunks("100000005\r\n" + std::string(17'000, 'x')), "413"},
      {"ABareLfBehindASize", chunks("5\nGET /" + end), "400"},
      {"ABareCrBehindASize", chunks("5\rGET /" + end), "400"},
      {"ABareLfInAnExtension", chunks("5;\nxx\r\nGET /" + end), "400"},
      {"ABareCrInAnExtension", chunks("5;a\rb\r\nGET /" + end), "400"},
      {"ANulInAnExtension", chunks("5;\0\r\nGET /"s + end), "400"},
      {"ABareLfBehindAChunk", chunks("5\r\nGET /\n0\r\n\r\n"), "400"},
      {"ABareCrBehindAChunk", chunks("5\r\nGET /\r0\r\n\r\n"), "400"},
      {"OtherBytesBehindAChunk", chunks("5\r\nGET /XX0\r\n\r\n"), "400"},
      {"ASizeTooSmall", chunks("4\r\nGET /" + end), "400"},
      {"ASizeTooLarge", chunks("6\r\nGET /" + end), "400"},
      {"ABareLfAtTheEnd", chunks("0\r\n\n"), "400"},
      {"BareLfsAtTheEnd", chunks("0\n\n"), "400"},
      {"AFoldedTrailer", chunks("0\r\nA: b\r\n c\r\n\r\n"), "400"},
      {"ATrailerThatIsNoField", chunks("0\r\n" + kInner), "400"},
      {"AnEndlessExtension", chunks("5;" + std::string(17'000, 'x')), "400"},
      {"AnEndlessTrailer", chunks("0\r\n" + std::string(17'000, 'x')), "400"},
      {"ManyTrailers",
       [] {
         std::string trailers;
         while (trailers.size() < 17'000) trailers += "A: b\r\n";
         return chunks("0\r\n" + trailers);
       }(),
       "413"},
      {"HalfAChunk", chunks("5\r\nGE"), "", Behind::end},
      {"NoLastChunk", chunks("5\r\nGET /\r\n"), "", Behind::end},
  };
}

TEST(HostileHttp, Lengths) {
  hold_against_nginx(length_cases());
}
TEST(HostileHttp, Codings) {
  hold_against_nginx(coding_cases());
}
TEST(HostileHttp, Chunks) {
  hold_against_nginx(chunk_cases());
}

}  // namespace
}  // namespace fieldcast::test
