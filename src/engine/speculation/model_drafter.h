// Drafts with a second, smaller model of the same vocabulary.
//
// It computes what the target's sequences hold into KV pages of its own and draws ahead with the target's own
// sampling, randomness included, so that a sampled answer is guessed as often as a greedy one. Guesses that
// the target refused are cut off its pages by length alone. All sequences are drafted for in one batch.
#pragma once

#include <memory>

#include "base/huge_buffer.h"
#include "base/result.h"
#include "cache/kv_space.h"
#include "engine/speculation/drafter.h"
#include "engine/speculation/step_cost.h"
#include "model/model.h"

namespace pingti {

class ModelDrafter final : public Drafter {
 public:
  struct Parts {
    std::unique_ptr<Model> model;
    KvSpace space;
    int64_t target_vocab = 0;
    int max_sequences = 1;  // most targets of one propose()
  };
  static Result<std::unique_ptr<ModelDrafter>> create(Parts parts);

  // The states it makes give their pages back to it: they must die before the drafter.
  void propose(std::span<DraftTarget> targets) override;
  // Its own opinion.
  double assumed_chance(int evidence) const override { return (evidence + 0.5) / kEvidenceClasses; }
  double seconds_per_token(int sequences) const override { return cost_.seconds(sequences); }

  // For tests.
  KvSpace& space() { return space_; }

 private:
  class Pages;
  struct Work;

  ModelDrafter(Parts parts, HugeBuffer logits);
  Pages& pages_of(DraftTarget& target);
  // One forward pass over the tokens each work item still lacks, some left for later when there are many.
  // Takes out the items that got no pages and those not done yet; draws for the others.
  void step(std::vector<Work>* work);
  void draw(Work& work, int logit_row);

  std::unique_ptr<Model> model_;
  KvSpace space_;
  size_t target_vocab_;
  int max_sequences_;
  HugeBuffer logits_;           // [max_sequences, vocab of the model]
  std::vector<float> scratch_;  // [target vocab]
  StepCost cost_;
};

}  // namespace pingti
