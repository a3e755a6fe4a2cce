// The list of topics: `GET /v1/topics`. Answers as soon as its page is there: within one turn of the shard, or some
// where there are many topics that do not match.
//
// One thread: its shard's.
#pragma once

#include <memory>

#include "adapters/http/response.hpp"
#include "gateway/hub.hpp"
#include "gateway/session.hpp"
#include "gateway/topic_page.hpp"

namespace fieldcast::http {

/// The head of the answer to HEAD, which does not wait for the page: without its length.
Response topics_response();

/// Hub and outlet outlive the session.
std::unique_ptr<Session> start_topics(Hub& hub, Outlet& outlet, TopicPageRequest request, const Terms& terms);

}  // namespace fieldcast::http
