#include <fmt/core.h>

#include <algorithm>

#include "jinja/parser.h"

namespace pingti::jinja {
namespace {

constexpr size_t kMaxKeywords = 1000;

// Sets the line, and the height from the parts; refuses trees that are too high.
template <class Node, class... Parts>
ExpressionPtr finish(std::unique_ptr<Node> node, int line, const Parts&... parts) {
  node->line = line;
  int height = node->height;  // set before by nodes with lists of parts
  (void)std::initializer_list<int>{(height = std::max(height, parts ? parts->height + 1 : 1))...};
  if (height > kMaxHeight)
    throw Failure{FailureKind::kLimit, "an expression is too long or nested too deep", line};
  node->height = height;
  return node;
}

void raise_height(Expression* node, const ExpressionPtr& part) {
  if (part) node->height = std::max(node->height, part->height + 1);
}

void raise_height(Expression* node, const CallArguments& arguments) {
  for (const auto& part : arguments.positional) raise_height(node, part);
  for (const auto& [name, part] : arguments.keyword) raise_height(node, part);
  raise_height(node, arguments.more_positional);
  raise_height(node, arguments.more_keyword);
}

ExpressionPtr constant(Value value, int line) {
  auto node = std::make_unique<Constant>();
  node->value = std::move(value);
  return finish(std::move(node), line);
}

ExpressionPtr binary_node(BinaryOp op, ExpressionPtr left, ExpressionPtr right, int line) {
  auto node = std::make_unique<Binary>();
  node->op = op;
  node->left = std::move(left);
  node->right = std::move(right);
  Binary& it = *node;
  return finish(std::move(node), line, it.left, it.right);
}

}  // namespace

ExpressionPtr Parser::parse_tuple(bool conditional_allowed, std::string_view end_name) {
  const int line = current().line;
  auto tuple = std::make_unique<SequenceLiteral>();
  tuple->kind = Kind::kTuple;
  bool is_tuple = false;
  while (true) {
    const TokenKind kind = current().kind;
    const bool ended = kind == TokenKind::kPrintEnd || kind == TokenKind::kBlockEnd || at_op(")") ||
                       (!end_name.empty() && at_name(end_name));
    if (ended) break;
    tuple->items.push_back(conditional_allowed ? parse_expression() : parse_or());
    raise_height(tuple.get(), tuple->items.back());
    if (!skip_op(",")) break;
    is_tuple = true;
  }
  if (is_tuple) return finish(std::move(tuple), line);
  if (tuple->items.empty()) {
    throw_syntax(fmt::format("Expected an expression, got '{}'", describe(current())), current().line);
  }
  return std::move(tuple->items.front());
}

ExpressionPtr Parser::parse_expression() {
  Nest nest(*this);
  const int line = current().line;
  ExpressionPtr result = parse_or();
  while (skip_name("if")) {
    auto node = std::make_unique<Conditional>();
    node->then = std::move(result);
    node->condition = parse_or();
    if (skip_name("else")) node->otherwise = parse_expression();
    Conditional& it = *node;
    result = finish(std::move(node), line, it.then, it.condition, it.otherwise);
  }
  return result;
}

ExpressionPtr Parser::parse_or() {
  const int line = current().line;
  ExpressionPtr left = parse_and();
  while (skip_name("or")) {
    auto node = std::make_unique<Logical>();
    node->is_and = false;
    node->left = std::move(left);
    node->right = parse_and();
    Logical& it = *node;
    left = finish(std::move(node), line, it.left, it.right);
  }
  return left;
}

ExpressionPtr Parser::parse_and() {
  const int line = current().line;
  ExpressionPtr left = parse_not();
  while (skip_name("and")) {
    auto node = std::make_unique<Logical>();
    node->left = std::move(left);
    node->right = parse_not();
    Logical& it = *node;
    left = finish(std::move(node), line, it.left, it.right);
  }
  return left;
}

ExpressionPtr Parser::parse_not() {
  const int line = current().line;
  if (!skip_name("not")) return parse_comparison();
  Nest nest(*this);
  auto node = std::make_unique<Unary>();
  node->op = Unary::Op::kNot;
  node->operand = parse_not();
  Unary& it = *node;
  return finish(std::move(node), line, it.operand);
}

ExpressionPtr Parser::parse_comparison() {
  static constexpr std::pair<std::string_view, CompareOp> kOps[] = {
      {"==", CompareOp::kEqual},     {"!=", CompareOp::kNotEqual}, {"<", CompareOp::kLess},
      {"<=", CompareOp::kLessEqual}, {">", CompareOp::kGreater},   {">=", CompareOp::kGreaterEqual}};
  const int line = current().line;
  auto node = std::make_unique<Comparison>();
  node->first = parse_sum();
  while (true) {
    const auto* found =
        std::find_if(std::begin(kOps), std::end(kOps), [&](const auto& row) { return at_op(row.first); });
    CompareOp op;
    if (found != std::end(kOps)) {
      op = found->second;
      ++at_;
    } else if (skip_name("in")) {
      op = CompareOp::kIn;
    } else if (at_name("not") && look().kind == TokenKind::kName && look().text == "in") {
      op = CompareOp::kNotIn;
      at_ += 2;
    } else {
      break;
    }
    node->rest.emplace_back(op, parse_sum());
    raise_height(node.get(), node->rest.back().second);
  }
  if (node->rest.empty()) return std::move(node->first);
  Comparison& it = *node;
  return finish(std::move(node), line, it.first);
}

ExpressionPtr Parser::parse_sum() {
  const int line = current().line;
  ExpressionPtr left = parse_concatenation();
  while (at_op("+") || at_op("-")) {
    const BinaryOp op = take().text == "+" ? BinaryOp::kAdd : BinaryOp::kSubtract;
    left = binary_node(op, std::move(left), parse_concatenation(), line);
  }
  return left;
}

ExpressionPtr Parser::parse_concatenation() {
  const int line = current().line;
  ExpressionPtr first = parse_product();
  if (!at_op("~")) return first;
  auto node = std::make_unique<Concatenation>();
  raise_height(node.get(), first);
  node->parts.push_back(std::move(first));
  while (skip_op("~")) {
    node->parts.push_back(parse_product());
    raise_height(node.get(), node->parts.back());
  }
  return finish(std::move(node), line);
}

ExpressionPtr Parser::parse_product() {
  static constexpr std::pair<std::string_view, BinaryOp> kOps[] = {{"*", BinaryOp::kMultiply},
                                                                   {"/", BinaryOp::kDivide},
                                                                   {"//", BinaryOp::kFloorDivide},
                                                                   {"%", BinaryOp::kModulo}};
  const int line = current().line;
  ExpressionPtr left = parse_power();
  while (true) {
    const auto* found =
        std::find_if(std::begin(kOps), std::end(kOps), [&](const auto& row) { return at_op(row.first); });
    if (found == std::end(kOps)) return left;
    ++at_;
    left = binary_node(found->second, std::move(left), parse_power(), line);
  }
}

// Left-associative, and looser than a sign, as in jinja2.
ExpressionPtr Parser::parse_power() {
  const int line = current().line;
  ExpressionPtr left = parse_unary(true);
  while (skip_op("**")) left = binary_node(BinaryOp::kPower, std::move(left), parse_unary(true), line);
  return left;
}

ExpressionPtr Parser::parse_unary(bool with_filters) {
  Nest nest(*this);
  const int line = current().line;
  ExpressionPtr node;
  if (at_op("-") || at_op("+")) {
    auto unary = std::make_unique<Unary>();
    unary->op = take().text == "-" ? Unary::Op::kNegate : Unary::Op::kPlus;
    unary->operand = parse_unary(false);
    Unary& it = *unary;
    node = finish(std::move(unary), line, it.operand);
  } else {
    node = parse_primary();
  }
  node = parse_postfix(std::move(node));
  return with_filters ? parse_filters_and_tests(std::move(node)) : std::move(node);
}

ExpressionPtr Parser::parse_primary() {
  const Token& token = current();
  const int line = token.line;
  switch (token.kind) {
    case TokenKind::kName:
      return parse_name();
    case TokenKind::kInteger:
      return constant(Value::integer(take().integer), line);
    case TokenKind::kFloat:
      return constant(Value::real(take().real), line);
    case TokenKind::kString: {
      std::string text;
      while (current().kind == TokenKind::kString) text += take().text;
      return constant(Maker(nullptr).string(std::move(text)), line);
    }
    default:
      break;
  }
  if (at_op("(")) return parse_parenthesized();
  if (at_op("[")) return parse_list();
  if (at_op("{")) return parse_dict();
  throw_syntax(fmt::format("unexpected '{}'", describe(token)), line);
}

ExpressionPtr Parser::parse_name() {
  const Token token = take();
  if (token.text == "true" || token.text == "True") return constant(Value::boolean(true), token.line);
  if (token.text == "false" || token.text == "False") return constant(Value::boolean(false), token.line);
  if (token.text == "none" || token.text == "None") return constant(Value::none(), token.line);
  auto node = std::make_unique<Name>();
  node->symbol = symbol(token.text);
  for (MacroBody* macro : macros_) {
    macro->uses_caller = macro->uses_caller || node->symbol == program_->caller;
    macro->uses_varargs = macro->uses_varargs || node->symbol == program_->varargs;
    macro->uses_kwargs = macro->uses_kwargs || node->symbol == program_->kwargs;
  }
  return finish(std::move(node), token.line);
}

ExpressionPtr Parser::parse_parenthesized() {
  const int line = take().line;
  if (skip_op(")")) {
    auto empty = std::make_unique<SequenceLiteral>();
    empty->kind = Kind::kTuple;
    return finish(std::move(empty), line);
  }
  ExpressionPtr node = parse_tuple(true);
  expect_op(")");
  return node;
}

ExpressionPtr Parser::parse_list() {
  auto list = std::make_unique<SequenceLiteral>();
  const int line = take().line;
  while (!at_op("]")) {
    if (!list->items.empty()) expect_op(",");
    if (at_op("]")) break;
    list->items.push_back(parse_expression());
    raise_height(list.get(), list->items.back());
  }
  expect_op("]");
  return finish(std::move(list), line);
}

ExpressionPtr Parser::parse_dict() {
  auto dict = std::make_unique<DictLiteral>();
  const int line = take().line;
  while (!at_op("}")) {
    if (!dict->entries.empty()) expect_op(",");
    if (at_op("}")) break;
    ExpressionPtr key = parse_expression();
    expect_op(":");
    ExpressionPtr value = parse_expression();
    raise_height(dict.get(), key);
    raise_height(dict.get(), value);
    dict->entries.emplace_back(std::move(key), std::move(value));
  }
  expect_op("}");
  return finish(std::move(dict), line);
}

ExpressionPtr Parser::parse_postfix(ExpressionPtr node) {
  while (true) {
    if (at_op(".")) {
      node = parse_dot(std::move(node));
    } else if (at_op("[")) {
      node = parse_subscript(std::move(node));
    } else if (at_op("(")) {
      node = parse_call(std::move(node));
    } else {
      return node;
    }
  }
}

ExpressionPtr Parser::parse_filters_and_tests(ExpressionPtr node) {
  while (true) {
    if (at_op("|")) {
      node = parse_filters(std::move(node), false);
    } else if (at_name("is")) {
      node = parse_test(std::move(node));
    } else if (at_op("(")) {
      node = parse_call(std::move(node));
    } else {
      return node;
    }
  }
}

ExpressionPtr Parser::parse_filters(ExpressionPtr input, bool at_start) {
  while (at_start || skip_op("|")) {
    at_start = false;
    auto node = std::make_unique<FilterCall>();
    const Token name = expect(TokenKind::kName, "name");
    node->name = name.text;
    while (skip_op(".")) node->name += "." + expect(TokenKind::kName, "name").text;
    if (at_op("(")) node->arguments = parse_arguments();
    raise_height(node.get(), node->arguments);
    node->input = std::move(input);
    FilterCall& it = *node;
    input = finish(std::move(node), name.line, it.input);
  }
  return input;
}

ExpressionPtr Parser::parse_test(ExpressionPtr input) {
  auto node = std::make_unique<TestCall>();
  const int line = take().line;
  node->negated = skip_name("not");
  node->name = expect(TokenKind::kName, "name").text;
  while (skip_op(".")) node->name += "." + expect(TokenKind::kName, "name").text;
  const TokenKind kind = current().kind;
  const bool value_follows =
      kind == TokenKind::kString || kind == TokenKind::kInteger || kind == TokenKind::kFloat || at_op("[") ||
      at_op("{") || (kind == TokenKind::kName && !at_name("else") && !at_name("or") && !at_name("and"));
  if (at_op("(")) {
    node->arguments = parse_arguments();
  } else if (value_follows) {
    if (at_name("is")) throw_syntax("You cannot chain multiple tests with is", line);
    Nest nest(*this);
    node->arguments.positional.push_back(parse_postfix(parse_primary()));
  }
  raise_height(node.get(), node->arguments);
  node->input = std::move(input);
  TestCall& it = *node;
  return finish(std::move(node), line, it.input);
}

ExpressionPtr Parser::parse_dot(ExpressionPtr object) {
  const int line = take().line;
  const Token name = take();
  if (name.kind == TokenKind::kName) {
    auto node = std::make_unique<AttributeAccess>();
    node->name = name.text;
    node->object = std::move(object);
    AttributeAccess& it = *node;
    return finish(std::move(node), line, it.object);
  }
  if (name.kind != TokenKind::kInteger) throw_syntax("expected name or number", name.line);
  auto node = std::make_unique<ItemAccess>();
  node->object = std::move(object);
  node->key = constant(Value::integer(name.integer), line);
  ItemAccess& it = *node;
  return finish(std::move(node), line, it.object);
}

ExpressionPtr Parser::parse_subscript(ExpressionPtr object) {
  const int line = take().line;
  if (at_op(":")) return parse_slice(std::move(object), nullptr, line);
  if (at_op("]")) throw_syntax("expected subscript expression", line);
  ExpressionPtr key = parse_expression();
  if (at_op(":")) return parse_slice(std::move(object), std::move(key), line);
  if (at_op(",")) {  // x[a, b]: a tuple for a key
    auto tuple = std::make_unique<SequenceLiteral>();
    tuple->kind = Kind::kTuple;
    raise_height(tuple.get(), key);
    tuple->items.push_back(std::move(key));
    while (skip_op(",") && !at_op("]")) {
      tuple->items.push_back(parse_expression());
      raise_height(tuple.get(), tuple->items.back());
    }
    key = finish(std::move(tuple), line);
  }
  expect_op("]");
  auto node = std::make_unique<ItemAccess>();
  node->object = std::move(object);
  node->key = std::move(key);
  ItemAccess& it = *node;
  return finish(std::move(node), line, it.object, it.key);
}

ExpressionPtr Parser::parse_slice_part() {
  return at_op(":") || at_op("]") || at_op(",") ? nullptr : parse_expression();
}

ExpressionPtr Parser::parse_slice(ExpressionPtr object, ExpressionPtr start, int line) {
  auto node = std::make_unique<SliceAccess>();
  node->object = std::move(object);
  node->start = std::move(start);
  expect_op(":");
  node->stop = parse_slice_part();
  if (skip_op(":")) node->step = parse_slice_part();
  expect_op("]");
  SliceAccess& it = *node;
  return finish(std::move(node), line, it.object, it.start, it.stop, it.step);
}

ExpressionPtr Parser::parse_call(ExpressionPtr callee) {
  auto node = std::make_unique<Call>();
  const int line = current().line;
  node->arguments = parse_arguments();
  raise_height(node.get(), node->arguments);
  node->callee = std::move(callee);
  Call& it = *node;
  return finish(std::move(node), line, it.callee);
}

CallArguments Parser::parse_arguments() {
  const int line = current().line;
  expect_op("(");
  CallArguments arguments;
  auto ensure = [&](bool valid) {
    if (!valid) throw_syntax("invalid syntax for function call expression", line);
  };
  bool first = true;
  while (!at_op(")")) {
    if (!first) {
      expect_op(",");
      if (at_op(")")) break;
    }
    first = false;
    if (skip_op("*")) {
      ensure(!arguments.more_positional && !arguments.more_keyword);
      arguments.more_positional = parse_expression();
    } else if (skip_op("**")) {
      ensure(!arguments.more_keyword);
      arguments.more_keyword = parse_expression();
    } else if (current().kind == TokenKind::kName && look().kind == TokenKind::kOperator &&
               look().text == "=") {
      ensure(!arguments.more_keyword);
      std::string name = take().text;
      ++at_;
      if (arguments.keyword.size() >= kMaxKeywords) throw_syntax("too many keyword arguments", line);
      for (const auto& [earlier, value] : arguments.keyword) {
        if (earlier == name) throw_syntax(fmt::format("keyword argument repeated: {}", name), line);
      }
      arguments.keyword.emplace_back(std::move(name), parse_expression());
    } else {
      ensure(!arguments.more_positional && !arguments.more_keyword && arguments.keyword.empty());
      arguments.positional.push_back(parse_expression());
    }
  }
  expect_op(")");
  return arguments;
}

}  // namespace pingti::jinja
