#include "grammar/compile_queue.h"

namespace pingti {

bool CompileQueue::Job::wait(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  return done_changed_.wait_for(lock, limit, [this] { return done_; });
}

CompileQueue::~CompileQueue() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::shared_ptr<CompileQueue::Job> CompileQueue::add(std::function<void()> work) {
  auto job = std::make_shared<Job>();
  job->work_ = std::move(work);
  const std::lock_guard lock(mutex_);
  if (jobs_.size() >= most_queued_ + (running_ ? 0 : 1)) return nullptr;
  if (!thread_.joinable()) thread_ = std::thread([this] { loop(); });
  jobs_.push_back(job);
  changed_.notify_all();
  return job;
}

void CompileQueue::loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stop_ || !jobs_.empty(); });
    if (stop_) return;
    const std::shared_ptr<Job> job = std::move(jobs_.front());
    jobs_.pop_front();
    running_ = true;
    lock.unlock();
    job->work_();
    job->work_ = nullptr;
    {
      const std::lock_guard done(job->mutex_);
      job->done_ = true;
    }
    job->done_changed_.notify_all();
    lock.lock();
    running_ = false;
  }
}

}  // namespace pingti
