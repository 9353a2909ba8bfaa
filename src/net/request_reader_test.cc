#include "net/request_reader.h"

#include <gtest/gtest.h>

namespace pingti::net {
namespace {

// Feeds `bytes` in pieces of `step`, keeping what was not consumed, as a connection does.
struct Fed {
  RequestReader reader;
  std::string rest;
};

Fed feed_in_steps(std::string_view bytes, size_t step, ReaderLimits limits = {}) {
  Fed fed{RequestReader(limits), {}};
  for (size_t i = 0; i < bytes.size(); i += step) {
    fed.rest += bytes.substr(i, step);
    if (fed.reader.done() || fed.reader.error()) continue;
    fed.rest.erase(0, fed.reader.feed(fed.rest));
  }
  return fed;
}

int status_of(std::string_view bytes, ReaderLimits limits = {}) {
  auto fed = feed_in_steps(bytes, bytes.size(), limits);
  return fed.reader.error() ? fed.reader.error()->status : 0;
}

TEST(RequestReader, ReadsARequestInPiecesOfAnySize) {
  std::string bytes =
      "POST /v1/models/a%2Fb?x=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\n";
  for (size_t step : {1, 2, 7, 1000}) {
    auto fed = feed_in_steps(bytes, step);
    ASSERT_TRUE(fed.reader.done()) << step;
    EXPECT_TRUE(fed.reader.keep_alive());
    Request request = fed.reader.take();
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.path, "/v1/models/a/b");
    EXPECT_EQ(request.query, "x=1");
    EXPECT_EQ(request.body, "hello");
    EXPECT_EQ(fed.rest, "GET / HTTP/1.1\r\n") << step;
  }
}

TEST(RequestReader, ReadsChunkedBodies) {
  auto fed = feed_in_steps(
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
      3);
  ASSERT_TRUE(fed.reader.done());
  EXPECT_EQ(fed.reader.take().body, "abcde");
}

TEST(RequestReader, TrailersAreNoHeaders) {
  std::string bytes =
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"
      "X-Api-Key: k\r\nHost: other\r\nConnection: close\r\n\r\n";
  for (size_t step : {size_t{1}, bytes.size()}) {
    auto fed = feed_in_steps(bytes, step);
    ASSERT_TRUE(fed.reader.done());
    EXPECT_TRUE(fed.reader.keep_alive());
    Request request = fed.reader.take();
    EXPECT_FALSE(request.headers.has("X-Api-Key"));
    EXPECT_EQ(request.headers.count("Host"), 1);
    EXPECT_EQ(request.body, "a");
  }
}

TEST(RequestReader, KeepAliveFollowsTheVersion) {
  EXPECT_FALSE(feed_in_steps("GET / HTTP/1.0\r\n\r\n", 100).reader.keep_alive());
  EXPECT_FALSE(
      feed_in_steps("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", 100).reader.keep_alive());
}

TEST(RequestReader, AbsoluteFormTargets) {
  auto fed = feed_in_steps("GET http://h:80/a?b HTTP/1.1\r\nHost: h\r\n\r\n", 100);
  ASSERT_TRUE(fed.reader.done());
  EXPECT_EQ(fed.reader.head().path, "/a");
  EXPECT_EQ(fed.reader.head().query, "b");
}

TEST(RequestReader, ExpectContinueIsSeenBeforeTheBody) {
  auto fed =
      feed_in_steps("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n", 500);
  EXPECT_TRUE(fed.reader.header_done());
  EXPECT_FALSE(fed.reader.done());
  EXPECT_TRUE(fed.reader.expects_continue());
}

TEST(RequestReader, RefusesWhatIsMalformedOrTooLarge) {
  ReaderLimits small{200, 10};
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\n\r\n"), 400);                        // no Host
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400);  // two
  EXPECT_EQ(status_of("nonsense\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/2.0\r\nHost: h\r\n\r\n"), 505);
  EXPECT_EQ(status_of("GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET /%00 HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET x HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(status_of("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n"), 501);
  EXPECT_NE(
      status_of("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"), 0);
  EXPECT_NE(status_of("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na"), 0);
  EXPECT_NE(status_of("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n"), 0);
  EXPECT_EQ(status_of("POST / HTTP/1.1\r\nHost: h\r\nExpect: gold\r\n\r\n"), 417);
  EXPECT_EQ(status_of("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n", small), 413);
  EXPECT_EQ(status_of("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nf\r\naaaaaaaaaaaaaaa",
                      small),
            413);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(300, 'a') + "\r\n\r\n", small), 431);
}

}  // namespace
}  // namespace pingti::net
