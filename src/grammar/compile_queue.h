// A thread that does one slow thing at a time for others, who wait for it only so long.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace pingti {

class CompileQueue {
 public:
  // What came of a job; set by the thread when it is done.
  class Job {
   public:
    // False when `limit` passed before it was done.
    bool wait(std::chrono::milliseconds limit);

   private:
    friend class CompileQueue;
    std::function<void()> work_;
    std::mutex mutex_;
    std::condition_variable done_changed_;
    bool done_ = false;
  };

  explicit CompileQueue(size_t most_queued) : most_queued_(most_queued) {}
  ~CompileQueue();  // waits for the job that runs; drops the others

  // Null when too many wait. `work` must not throw.
  std::shared_ptr<Job> add(std::function<void()> work);

 private:
  void loop();

  size_t most_queued_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Job>> jobs_;
  bool running_ = false;
  bool stop_ = false;
  std::thread thread_;  // started by the first job
};

}  // namespace pingti
