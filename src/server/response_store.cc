#include "server/response_store.h"

#include <utility>

namespace pingti {

void ResponseStore::put(const std::string& owner, const std::string& id, StoredResponse response) {
  constexpr size_t kOverhead = 512;
  Entry entry{.owner = owner, .id = id};
  entry.bytes = kOverhead + owner.size() + 2 * id.size() + response.response.size() +
                response.turn->input.size() + response.turn->output.size();
  entry.stored = std::move(response);
  const std::lock_guard lock(mutex_);
  entry.expires = now_() + limits_.age;
  bytes_ += entry.bytes;
  entries_.push_front(std::move(entry));
  places_[id] = entries_.begin();
  shrink();
}

std::optional<StoredResponse> ResponseStore::get(const std::string& owner, const std::string& id) {
  const std::lock_guard lock(mutex_);
  const Place place = find(owner, id);
  if (place == entries_.end()) return std::nullopt;
  entries_.splice(entries_.begin(), entries_, place);
  return place->stored;
}

bool ResponseStore::erase(const std::string& owner, const std::string& id) {
  const std::lock_guard lock(mutex_);
  const Place place = find(owner, id);
  if (place == entries_.end()) return false;
  remove(place);
  return true;
}

size_t ResponseStore::count() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

size_t ResponseStore::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

ResponseStore::Place ResponseStore::find(const std::string& owner, const std::string& id) {
  const auto found = places_.find(id);
  if (found == places_.end() || found->second->owner != owner) return entries_.end();
  if (found->second->expires > now_()) return found->second;
  remove(found->second);
  return entries_.end();
}

void ResponseStore::remove(Place place) {
  bytes_ -= place->bytes;
  places_.erase(place->id);
  entries_.erase(place);
}

void ResponseStore::shrink() {
  while (!entries_.empty() && (entries_.size() > limits_.count || bytes_ > limits_.bytes))
    remove(std::prev(entries_.end()));
}

}  // namespace pingti
