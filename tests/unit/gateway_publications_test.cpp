// The commands of one shard's clients: each is answered once, to its owner, and never too many wait.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "gateway/limits.hpp"
#include "gateway/publications.hpp"
#include "tests/unit/holding_publisher.hpp"

namespace fieldcast {
namespace {

class NotingOwner final : public PublicationOwner {
 public:
  void on_published(Ticket ticket, const std::optional<Problem>& problem) override {
    EXPECT_TRUE(answers.emplace(ticket, problem).second) << "answered twice";
    if (then) then();
  }
  std::map<Ticket, std::optional<Problem>> answers;
  std::function<void()> then;
};

struct NoWakeup final : Wakeup {
  void wake() noexcept override {}
};

/// The text is the payload, but for "bad".
Result<Command> as_command(std::string_view text) {
  if (text == "bad") return Problem{Code::bad_message, "bad"};
  Command command;
  command.topic = "t";
  command.payload = text;
  return command;
}

class PublicationsTest : public testing::Test {
 protected:
  Ticket publish(std::string_view text, PublicationOwner& owner) {
    const auto ticket = publications_.publish(text, owner);
    EXPECT_TRUE(ticket);
    return ticket ? *ticket : 0;
  }
  Code refused(std::string_view text, PublicationOwner& owner) {
    const auto ticket = publications_.publish(text, owner);
    EXPECT_FALSE(ticket);
    return ticket ? Code::slow : ticket.problem().code;
  }

  test::HoldingPublisher publisher_;
  NoWakeup shard_;
  Publications publications_{publisher_, as_command, true, shard_};
  NotingOwner owner_;
};

TEST_F(PublicationsTest, EachIsAnsweredOnceWhenItIsDone) {
  NotingOwner other;
  const Ticket first = publish("1", owner_), second = publish("2", owner_), third = publish("3", other);
  EXPECT_EQ(publisher_.command(1).payload, "2");
  publications_.run();
  EXPECT_TRUE(owner_.answers.empty());
  publisher_.finish(1, Problem{Code::refused, "no", 135});
  publisher_.finish(2);
  publications_.run();
  publications_.run();
  ASSERT_EQ(owner_.answers.size(), 1u);
  EXPECT_EQ(owner_.answers.at(second)->reason_code, 135);
  EXPECT_EQ(other.answers.at(third), std::nullopt);
  publisher_.finish(0);
  publications_.run();
  EXPECT_EQ(owner_.answers.at(first), std::nullopt);
}

TEST_F(PublicationsTest, WhatIsNoCommandIsNotPublished) {
  EXPECT_EQ(refused("bad", owner_), Code::bad_message);
  Publications reading{publisher_, as_command, false, shard_};
  EXPECT_EQ(reading.publish("1", owner_).problem().code, Code::forbidden);
  EXPECT_EQ(reading.forbidden()->code, Code::forbidden);
  EXPECT_FALSE(publications_.forbidden());
  EXPECT_TRUE(publisher_.commands() == 0);
}

TEST_F(PublicationsTest, AForgottenOwnerIsNotToldAndItsCommandGoesOn) {
  {
    NotingOwner gone;
    publish("1", gone);
    publications_.forget(gone);
  }
  publish("2", owner_);
  publisher_.finish(0);
  publisher_.finish(1);
  publications_.run();
  EXPECT_EQ(owner_.answers.size(), 1u);
}

TEST_F(PublicationsTest, AnOwnerMayForgetAnotherAndPublishAgainWhileItIsTold) {
  auto other = std::make_unique<NotingOwner>();
  publish("1", owner_);
  publish("2", *other);
  owner_.then = [&] {
    publications_.forget(*other);
    other.reset();
    publish("3", owner_);
    owner_.then = nullptr;
  };
  publisher_.finish(0);
  publisher_.finish(1);
  publications_.run();
  EXPECT_EQ(publisher_.commands(), 3u);
  publisher_.finish(2);
  publications_.run();
  EXPECT_EQ(owner_.answers.size(), 2u);
}

TEST_F(PublicationsTest, OneOwnerHasItsPart) {
  for (std::size_t i = 0; i < kPendingPublishes; ++i) publish("1", owner_);
  EXPECT_EQ(refused("1", owner_), Code::too_many);
  EXPECT_EQ(publications_.publish("1", owner_).problem().limit, Limit::publishes);
  NotingOwner other;
  publish("1", other);
  publisher_.finish(0);
  publications_.run();
  publish("1", owner_);
  EXPECT_EQ(refused("1", owner_), Code::too_many);
}

TEST_F(PublicationsTest, AllTogetherAreBoundedInNumber) {
  std::vector<NotingOwner> owners(kShardPublishes);
  for (auto& owner : owners) publish("1", owner);
  EXPECT_EQ(refused("1", owner_), Code::too_many);
  EXPECT_EQ(publications_.publish("1", owner_).problem().limit, Limit::shard_publishes);
  publications_.forget(owners[0]);  // its command still waits
  EXPECT_EQ(refused("1", owner_), Code::too_many);
  publisher_.finish(0);
  publications_.run();
  publish("1", owner_);
}

TEST_F(PublicationsTest, AllTogetherAreBoundedInBytes) {
  const std::string large(kShardPublishBytes / 2 - 1, 'x');  // with the topic: half of it
  publish(large, owner_);
  publish(large, owner_);
  EXPECT_EQ(refused("1", owner_), Code::too_many);
  EXPECT_EQ(publications_.publish("1", owner_).problem().limit, Limit::shard_publish_bytes);
  publisher_.finish(1);
  publications_.run();
  publish("1", owner_);
}

}  // namespace
}  // namespace fieldcast
