// Turns for those who would each take every CPU: one works at a time, and each gets the same share of the
// time for as long as it wants it, however long its single turns are (start-time fair queueing, SFQ, of whole
// turns).
//
// One who has used less than those waiting and has just left is expected back for a moment, so that short
// turns beside long ones get their share; when it does not come, that moment is lost. Who has rested does not
// save up.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace pingti {

class FairTurns {
 public:
  using Clock = std::chrono::steady_clock;

  // One who takes turns; used by one thread at a time.
  class Member {
   public:
    // Null: alone, every turn is its own.
    explicit Member(std::shared_ptr<FairTurns> turns) : turns_(std::move(turns)) {}
    Member(const Member&) = delete;
    ~Member();
    // Blocks until it is this one's turn; leave() ends it. Turns do not nest.
    void enter();
    void leave();

   private:
    friend FairTurns;
    std::shared_ptr<FairTurns> turns_;
    Clock::duration used_{0};  // with what was missed while resting counted as used
    Clock::time_point entered_;
  };

 private:
  Member* next(Clock::time_point now) const;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Member*> waiting_;  // by arrival
  Member* working_ = nullptr;
  const Member* expected_ = nullptr;  // left just now, owed more than those waiting
  Clock::time_point expected_until_;
  Clock::duration served_{0};  // used_ of the member that began last
};

// A turn of this scope.
class Turn {
 public:
  explicit Turn(FairTurns::Member& member) : member_(member) { member_.enter(); }
  Turn(const Turn&) = delete;
  ~Turn() { member_.leave(); }

 private:
  FairTurns::Member& member_;
};

}  // namespace pingti
