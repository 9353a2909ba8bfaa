#include <fmt/core.h>

#include <algorithm>

#include "jinja/parser.h"

namespace pingti::jinja {

Parser::Parser(std::vector<Token> tokens, int max_depth)
    : tokens_(std::move(tokens)), max_depth_(max_depth), program_(std::make_shared<Program>()) {}

std::shared_ptr<const Program> parse_program(std::string_view source, int max_depth) {
  return Parser(tokenize(source), max_depth).parse();
}

std::shared_ptr<const Program> Parser::parse() {
  program_->loop = symbol("loop");
  program_->caller = symbol("caller");
  program_->varargs = symbol("varargs");
  program_->kwargs = symbol("kwargs");
  program_->body = parse_block({});
  return program_;
}

Parser::Nest::Nest(Parser& parser) : parser_(parser) {
  if (parser_.depth_ >= parser_.max_depth_) {
    throw Failure{FailureKind::kLimit, "the template is nested too deep", parser_.current().line};
  }
  ++parser_.depth_;
}

bool Parser::at_name(std::string_view name) const {
  return current().kind == TokenKind::kName && current().text == name;
}

bool Parser::at_op(std::string_view op) const {
  return current().kind == TokenKind::kOperator && current().text == op;
}

bool Parser::skip_name(std::string_view name) {
  const bool here = at_name(name);
  if (here) ++at_;
  return here;
}

bool Parser::skip_op(std::string_view op) {
  const bool here = at_op(op);
  if (here) ++at_;
  return here;
}

Token Parser::take() {
  Token token = current();
  if (token.kind != TokenKind::kEnd) ++at_;
  return token;
}

void Parser::unexpected(std::string_view wanted) const {
  if (current().kind == TokenKind::kEnd) {
    throw_syntax(fmt::format("unexpected end of template, expected '{}'", wanted), current().line);
  }
  throw_syntax(fmt::format("expected token '{}', got '{}'", wanted, describe(current())), current().line);
}

Token Parser::expect(TokenKind kind, std::string_view what) {
  if (current().kind != kind) unexpected(what);
  return take();
}

void Parser::expect_op(std::string_view op) {
  if (!skip_op(op)) unexpected(op);
}

void Parser::expect_name(std::string_view name) {
  if (!skip_name(name)) unexpected(name);
}

Symbol Parser::symbol(const std::string& name) {
  const auto [found, added] = symbols_.emplace(name, static_cast<Symbol>(program_->names.size()));
  if (added) program_->names.push_back(name);
  return found->second;
}

Block Parser::parse_block(std::initializer_list<std::string_view> ends) {
  Nest nest(*this);
  Block block;
  while (current().kind != TokenKind::kEnd) {
    const int line = current().line;
    if (current().kind == TokenKind::kData) {
      auto data = std::make_unique<Data>();
      data->line = line;
      data->text = take().text;
      block.push_back(std::move(data));
    } else if (current().kind == TokenKind::kPrintBegin) {
      ++at_;
      block.push_back(parse_print(line));
      expect(TokenKind::kPrintEnd, "end of print statement");
    } else {
      expect(TokenKind::kBlockBegin, "begin of statement block");
      const bool ended = std::any_of(ends.begin(), ends.end(), [&](auto end) { return at_name(end); });
      if (ended) return block;
      block.push_back(parse_statement());
      expect(TokenKind::kBlockEnd, "end of statement block");
    }
  }
  if (ends.size() > 0) unexpected(*ends.begin());
  return block;
}

Block Parser::parse_body(std::initializer_list<std::string_view> ends) {
  skip_op(":");
  expect(TokenKind::kBlockEnd, "end of statement block");
  return parse_block(ends);
}

Block Parser::parse_closed_body(std::string_view end) {
  Block body = parse_body({end});
  expect_name(end);
  return body;
}

std::unique_ptr<const Statement> Parser::parse_statement() {
  const int line = current().line;
  if (current().kind != TokenKind::kName) throw_syntax("tag name expected", line);
  const std::string name = take().text;
  if (name == "if") return parse_if(line);
  if (name == "for") return parse_for(line);
  if (name == "set") return parse_set(line);
  if (name == "with") return parse_with(line);
  if (name == "macro") return parse_macro(line);
  if (name == "call") return parse_call_block(line);
  if (name == "filter") return parse_filter_block(line);
  if (name == "generation") return parse_generation(line);
  if (name == "break") return parse_jump(line, Flow::kBreak);
  if (name == "continue") return parse_jump(line, Flow::kContinue);
  if (name == "print") return parse_print_tag(line);
  for (std::string_view refused : {"block", "extends", "include", "import", "from", "autoescape"}) {
    if (name == refused) {
      throw_syntax(fmt::format("'{}' is not supported: a chat template stands alone", name), line);
    }
  }
  throw_syntax(fmt::format("Encountered unknown tag '{}'.", name), line);
}

std::unique_ptr<const Statement> Parser::parse_print(int line) {
  auto print = std::make_unique<Print>();
  print->line = line;
  print->value = parse_tuple(true);
  return print;
}

std::unique_ptr<const Statement> Parser::parse_print_tag(int line) {
  auto parts = std::make_unique<Concatenation>();
  parts->line = line;
  while (current().kind != TokenKind::kBlockEnd) {
    if (!parts->parts.empty()) expect_op(",");
    parts->parts.push_back(parse_expression());
    parts->height = std::max(parts->height, parts->parts.back()->height + 1);
  }
  auto print = std::make_unique<Print>();
  print->line = line;
  print->value = std::move(parts);
  return print;
}

std::unique_ptr<const Statement> Parser::parse_if(int line) {
  auto statement = std::make_unique<If>();
  statement->line = line;
  while (true) {
    ExpressionPtr condition = parse_tuple(false);
    Block body = parse_body({"elif", "else", "endif"});
    statement->branches.emplace_back(std::move(condition), std::move(body));
    if (skip_name("elif")) continue;
    if (skip_name("else")) {
      statement->otherwise = parse_closed_body("endif");
    } else {
      expect_name("endif");
    }
    return statement;
  }
}

std::unique_ptr<const Statement> Parser::parse_for(int line) {
  auto loop = std::make_unique<For>();
  loop->line = line;
  loop->target = parse_target(false);
  expect_name("in");
  loop->iterable = parse_tuple(false, "recursive");
  if (skip_name("if")) loop->condition = parse_expression();
  loop->recursive = skip_name("recursive");
  ++loops_;
  loop->body = parse_body({"endfor", "else"});
  --loops_;
  if (skip_name("else")) {
    loop->otherwise = parse_closed_body("endfor");
  } else {
    expect_name("endfor");
  }
  return loop;
}

Target Parser::parse_single_target(bool attributes_allowed) {
  Nest nest(*this);
  if (skip_op("(")) {
    Target inner = parse_target(attributes_allowed);
    expect_op(")");
    return inner;
  }
  const Token name = expect(TokenKind::kName, "name");
  for (std::string_view reserved : {"true", "false", "none", "True", "False", "None"}) {
    if (name.text == reserved) throw_syntax(fmt::format("can't assign to '{}'", reserved), name.line);
  }
  Target target;
  target.symbol = symbol(name.text);
  if (attributes_allowed && skip_op(".")) target.attribute = expect(TokenKind::kName, "name").text;
  return target;
}

Target Parser::parse_target(bool attributes_allowed) {
  Target first = parse_single_target(attributes_allowed);
  if (!at_op(",")) return first;
  Target all;
  all.unpacks = true;
  all.targets.push_back(std::move(first));
  while (skip_op(",")) {
    const bool another = current().kind == TokenKind::kName ? !at_name("in") : at_op("(");
    if (!another) break;
    all.targets.push_back(parse_single_target(attributes_allowed));
  }
  return all;
}

std::unique_ptr<const Statement> Parser::parse_set(int line) {
  Target target = parse_target(true);
  if (skip_op("=")) {
    auto set = std::make_unique<Set>();
    set->line = line;
    set->target = std::move(target);
    set->value = parse_tuple(true);
    return set;
  }
  auto set = std::make_unique<SetBlock>();
  set->line = line;
  set->target = std::move(target);
  if (at_op("|")) set->filter = parse_filters(nullptr, false);
  set->body = parse_closed_body("endset");
  return set;
}

std::unique_ptr<const Statement> Parser::parse_with(int line) {
  auto with = std::make_unique<With>();
  with->line = line;
  while (current().kind != TokenKind::kBlockEnd) {
    if (!with->bindings.empty()) expect_op(",");
    Target target = parse_single_target(false);
    expect_op("=");
    with->bindings.emplace_back(std::move(target), parse_expression());
  }
  with->body = parse_closed_body("endwith");
  return with;
}

void Parser::parse_parameters(MacroBody* macro) {
  expect_op("(");
  while (!at_op(")")) {
    if (!macro->parameters.empty()) {
      expect_op(",");
      if (at_op(")")) break;
    }
    const Token name = expect(TokenKind::kName, "name");
    MacroBody::Parameter parameter{symbol(name.text), name.text, nullptr};
    if (skip_op("=")) {
      parameter.otherwise = parse_expression();
    } else if (!macro->parameters.empty() && macro->parameters.back().otherwise) {
      throw_syntax("non-default argument follows default argument", name.line);
    }
    if (name.text == "caller") macro->takes_caller = true;
    macro->parameters.push_back(std::move(parameter));
  }
  expect_op(")");
}

void Parser::parse_macro_body(MacroBody* macro, std::string_view end) {
  const int outer_loops = std::exchange(loops_, 0);
  macros_.push_back(macro);
  macro->body = parse_closed_body(end);
  macros_.pop_back();
  loops_ = outer_loops;
}

std::unique_ptr<const Statement> Parser::parse_macro(int line) {
  auto definition = std::make_unique<MacroDefinition>();
  definition->line = line;
  const Token name = expect(TokenKind::kName, "name");
  definition->symbol = symbol(name.text);
  definition->macro.name = name.text;
  parse_parameters(&definition->macro);
  parse_macro_body(&definition->macro, "endmacro");
  return definition;
}

std::unique_ptr<const Statement> Parser::parse_call_block(int line) {
  auto block = std::make_unique<CallBlock>();
  block->line = line;
  block->caller.name = "caller";
  if (at_op("(")) parse_parameters(&block->caller);
  ExpressionPtr node = parse_expression();
  if (dynamic_cast<const Call*>(node.get()) == nullptr) throw_syntax("expected call", line);
  block->call.reset(static_cast<const Call*>(node.release()));
  parse_macro_body(&block->caller, "endcall");
  return block;
}

std::unique_ptr<const Statement> Parser::parse_filter_block(int line) {
  auto block = std::make_unique<FilterBlock>();
  block->line = line;
  block->filter = parse_filters(nullptr, true);
  block->body = parse_closed_body("endfilter");
  return block;
}

std::unique_ptr<const Statement> Parser::parse_generation(int line) {
  auto block = std::make_unique<Scoped>();
  block->line = line;
  const int outer_loops = std::exchange(loops_, 0);
  block->body = parse_closed_body("endgeneration");
  loops_ = outer_loops;
  return block;
}

std::unique_ptr<const Statement> Parser::parse_jump(int line, Flow flow) {
  if (loops_ == 0) throw_syntax("'break' or 'continue' outside loop", line);
  auto jump = std::make_unique<Jump>();
  jump->line = line;
  jump->flow = flow;
  return jump;
}

}  // namespace pingti::jinja
