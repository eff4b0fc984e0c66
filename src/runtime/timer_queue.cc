#include "runtime/timer_queue.h"

#include "base/check.h"

namespace godwit::runtime {

void TimerNode::disarm() {
  if (queue_ != nullptr) queue_->cancel(*this);
}

TimerQueue::~TimerQueue() {
  for (TimerNode* node : heap_) node->queue_ = nullptr;
}

void TimerQueue::place(std::size_t index, TimerNode* node) {
  heap_[index] = node;
  node->index_ = index;
}

void TimerQueue::sift_up(std::size_t index) {
  TimerNode* node = heap_[index];
  while (index > 0) {
    const std::size_t parent = (index - 1) / 2;
    if (heap_[parent]->deadline_ <= node->deadline_) break;
    place(index, heap_[parent]);
    index = parent;
  }
  place(index, node);
}

void TimerQueue::sift_down(std::size_t index) {
  TimerNode* node = heap_[index];
  while (true) {
    std::size_t child = 2 * index + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1]->deadline_ < heap_[child]->deadline_) ++child;
    if (node->deadline_ <= heap_[child]->deadline_) break;
    place(index, heap_[child]);
    index = child;
  }
  place(index, node);
}

void TimerQueue::arm(TimerNode& node, TimePoint deadline) {
  CHECK(node.queue_ == nullptr || node.queue_ == this);
  if (node.queue_ == this) {
    const bool later = deadline > node.deadline_;
    node.deadline_ = deadline;
    later ? sift_down(node.index_) : sift_up(node.index_);
  } else {
    node.queue_ = this;
    node.deadline_ = deadline;
    heap_.push_back(&node);
    sift_up(heap_.size() - 1);
  }
  if (node.index_ == 0 && listener_ != nullptr) listener_->earliest_changed(deadline);
}

void TimerQueue::cancel(TimerNode& node) {
  if (node.queue_ == nullptr) return;
  CHECK(node.queue_ == this && node.index_ < heap_.size() && heap_[node.index_] == &node,
        node.index_, heap_.size());
  const std::size_t index = node.index_;
  node.queue_ = nullptr;
  TimerNode* last = heap_.back();
  heap_.pop_back();
  if (last == &node) return;
  place(index, last);
  sift_up(index);
  sift_down(last->index_);
}

void TimerQueue::fire_due(TimePoint now) {
  for (std::size_t budget = heap_.size(); budget > 0; --budget) {
    if (heap_.empty() || heap_.front()->deadline_ > now) return;
    TimerNode* node = heap_.front();
    cancel(*node);
    node->on_timer();
  }
}

std::optional<TimePoint> TimerQueue::next_deadline() const {
  if (heap_.empty()) return std::nullopt;
  return heap_.front()->deadline_;
}

}  // namespace godwit::runtime
