#include "model/cpu_linear.h"

#include <algorithm>
#include <atomic>

#include "base/check.h"
#include "base/pieces.h"

namespace pingti {

Result<void> CpuLinear::reserve(const CpuWeight& weight) {
  size_t bytes = 0;
  for (const CpuWeight::Part& part : weight.parts) {
    bytes = std::max(bytes, linear_scratch_bytes(part.matrix, tuning_.linear));
  }
  for (Workspace& workspace : workspaces_) {
    if (workspace.scratch.size() < bytes) {
      PT_TRY(workspace.scratch, HugeBuffer::allocate(bytes));
    }
  }
  return {};
}

// Few columns: equal pieces, long enough for linear streams from memory. Many: pieces that fit the cache,
// each long enough in time. panel_bytes: of weights and of results that stay with a piece.
Pieces CpuLinear::cut(int64_t panels, int64_t panel_bytes, int columns, int64_t grain) const {
  if (columns > tuning_.linear.stream_columns) {
    return Pieces(panels, threads_.size(), grain, grain, tuning_.piece_bytes / panel_bytes);
  }
  const int64_t parts = threads_.size() == 1 ? 1 : 4 * threads_.size();
  const int64_t equal = (panels + parts - 1) / parts;
  return Pieces(panels, threads_.size(), std::max<int64_t>(grain, 4), equal, equal);
}

template <class Body>
void CpuLinear::over_pieces(Pieces& pieces, const Body& body) {
  threads_.run([&](int thread) {
    Workspace& workspace = workspaces_[static_cast<size_t>(thread)];
    for (int64_t begin, end; pieces.take(begin, end);) body(begin, end, workspace);
  });
}

// On the caller's thread, where running out of memory can be told.
void CpuLinear::size_results(int64_t floats) {
  for (Workspace& workspace : workspaces_) {
    if (std::ssize(workspace.results) < floats) workspace.results.resize(static_cast<size_t>(floats));
  }
}

// Panels [begin, end) of a part; y[column * y_stride] is the first row of panel `begin`.
void CpuLinear::product(const CpuWeight::Part& part, const CpuOperand& in, int columns, int64_t begin,
                        int64_t end, float* y, int64_t y_stride, bool accumulate,
                        Workspace& workspace) const {
  PackedMatrix matrix = part.matrix;
  const int64_t first_row = begin * kPanelRows;
  matrix.data += begin * matrix.panel_bytes;
  matrix.rows = std::min(matrix.rows, end * kPanelRows) - first_row;
  LinearArgs args{.weight = &matrix,
                  .columns = columns,
                  .y = y,
                  .y_stride = y_stride,
                  .bias = part.bias == nullptr ? nullptr : part.bias + first_row,
                  .accumulate = accumulate,
                  .panel_begin = 0,
                  .panel_end = end - begin,
                  .scratch = workspace.scratch.data(),
                  .tuning = tuning_.linear};
  if (activations_f32_ || matrix.layout->is_float()) {
    args.x_f32 = in.row(0);
    args.x_stride = in.width;
    kernels_.linear_f32(args);
  } else {
    args.x_int8 = in.row_int8(0);
    args.x_stride = in.blocks;
    kernels_.linear_int8(args);
  }
}

void CpuLinear::run(const CpuWeight& weight, const CpuOperand& in, int columns, float* y, bool accumulate) {
  int64_t panels = 0;
  int64_t panel_bytes = 1;
  for (const CpuWeight::Part& part : weight.parts) {
    panels += part.matrix.panels();
    panel_bytes = std::max(panel_bytes, part.matrix.panel_bytes);
  }
  Pieces pieces = cut(panels, panel_bytes, columns, 2);
  over_pieces(pieces, [&](int64_t begin, int64_t end, Workspace& workspace) {
    int64_t first = 0;  // panel of the part, counted over the stack
    for (const CpuWeight::Part& part : weight.parts) {
      const int64_t from = std::max(begin, first) - first;
      const int64_t to = std::min(end, first + part.matrix.panels()) - first;
      first += part.matrix.panels();
      if (from >= to) continue;
      product(part, in, columns, from, to, y + part.first_row + from * kPanelRows, weight.rows, accumulate,
              workspace);
    }
  });
}

void CpuLinear::run_two_terms(const CpuWeight& weight, const CpuOperand& in, int columns, float* y) {
  for (const CpuWeight::Part& part : weight.parts) {
    const int64_t panels = part.matrix.panels();
    const int64_t column_bytes = 2 * columns * kPanelRows * int64_t{sizeof(float)};
    Pieces pieces = cut(panels, part.matrix.panel_bytes + column_bytes, 2 * columns, 2);
    size_results(2 * columns * kPanelRows * pieces.longest());
    over_pieces(pieces, [&](int64_t begin, int64_t end, Workspace& workspace) {
      const int64_t stride = (end - begin) * kPanelRows;
      const int64_t rows = std::min(part.matrix.rows, end * kPanelRows) - begin * kPanelRows;
      float* results = workspace.results.data();
      product(part, in, 2 * columns, begin, end, results, stride, /*accumulate=*/false, workspace);
      for (int column = 0; column < columns; ++column) {
        const float* first = results + 2 * column * stride;
        const float* second = first + stride;
        float* out = y + column * weight.rows + part.first_row + begin * kPanelRows;
        for (int64_t i = 0; i < rows; ++i) out[i] = first[i] + second[i];
      }
    });
  }
}

void CpuLinear::run_gated(const CpuWeight& weight, const CpuOperand& in, int columns, Activation activation,
                          const CpuWeight& reader, CpuOperand& out) {
  PT_CHECK(weight.parts.size() == 2 && 2 * weight.parts[0].matrix.rows == weight.rows);
  const int64_t panels = weight.parts[0].matrix.panels();
  const Gated call{weight, in, columns, activation, reader, out, reader.scale_block / kPanelRows};
  const int64_t column_bytes = 2 * columns * kPanelRows * int64_t{sizeof(float)};
  Pieces pieces =
      cut(panels, weight.parts[0].matrix.panel_bytes + weight.parts[1].matrix.panel_bytes + column_bytes,
          columns, kActivationBlock / kPanelRows);
  size_results(2 * columns * kPanelRows * pieces.longest());
  unfinished_.clear();
  for (int64_t panel = 0; panel < panels; panel += call.group_panels) {
    unfinished_.push_back(std::min(call.group_panels, panels - panel));
  }
  over_pieces(pieces, [&](int64_t begin, int64_t end, Workspace& workspace) {
    gated_piece(call, begin, end, workspace);
  });
}

void CpuLinear::gated_piece(const Gated& call, int64_t begin, int64_t end, Workspace& workspace) {
  const int64_t stride = (end - begin) * kPanelRows;
  const int64_t first = begin * kPanelRows;
  const int64_t rows = std::min(call.weight.parts[0].matrix.rows, end * kPanelRows) - first;
  float* gate = workspace.results.data();
  float* up = gate + call.columns * stride;
  product(call.weight.parts[0], call.in, call.columns, begin, end, gate, stride, /*accumulate=*/false,
          workspace);
  product(call.weight.parts[1], call.in, call.columns, begin, end, up, stride, /*accumulate=*/false,
          workspace);
  const bool int8 = call.out.row_int8(0) != nullptr;
  // Values that share a scale only with others of this piece need not leave it as floats.
  const bool whole_groups = call.group_panels <= kActivationBlock / kPanelRows;
  const bool stay = int8 && whole_groups && !call.out.with_floats && !reads_floats(call.reader);
  for (int column = 0; column < call.columns; ++column) {
    float* values = stay ? gate + column * stride : call.out.row(column) + first;
    kernels_.gated_activation(call.activation, gate + column * stride, up + column * stride, rows, values);
    if (int8 && whole_groups) {
      kernels_.quantize(values, rows, call.reader.scale_block,
                        call.out.row_int8(column) + first / kActivationBlock);
    }
  }
  if (int8 && !whole_groups) finish_groups(call, begin, end);
}

// Quantizes the groups of which panels [begin, end) were the last to be computed.
void CpuLinear::finish_groups(const Gated& call, int64_t begin, int64_t end) {
  for (int64_t at = begin; at < end;) {
    const int64_t group = at / call.group_panels;
    const int64_t group_end = std::min(end, (group + 1) * call.group_panels);
    const int64_t done = group_end - at;
    at = group_end;
    if (std::atomic_ref(unfinished_[static_cast<size_t>(group)]).fetch_sub(done, std::memory_order_acq_rel) !=
        done) {
      continue;
    }
    const int64_t first = group * call.reader.scale_block;
    const int64_t count = std::min<int64_t>(call.reader.scale_block, call.out.width - first);
    for (int column = 0; column < call.columns; ++column) {
      kernels_.quantize(call.out.row(column) + first, count, call.reader.scale_block,
                        call.out.row_int8(column) + first / kActivationBlock);
    }
  }
}

}  // namespace pingti
