// Tokens to a Program, by recursive descent. Statements in parse_statement.cc, expressions in
// parse_expression.cc.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "jinja/ast.h"
#include "jinja/lexer.h"

namespace pingti::jinja {

class Parser {
 public:
  Parser(std::vector<Token> tokens, int max_depth);
  std::shared_ptr<const Program> parse();

 private:
  // Counts nested constructs; fails when there are too many.
  class Nest {
   public:
    explicit Nest(Parser& parser);
    ~Nest() { --parser_.depth_; }

   private:
    Parser& parser_;
  };

  // Tokens
  const Token& current() const { return tokens_[at_]; }
  const Token& look() const { return tokens_[at_ + 1 < tokens_.size() ? at_ + 1 : at_]; }
  bool at_name(std::string_view name) const;
  bool at_op(std::string_view op) const;
  bool skip_name(std::string_view name);
  bool skip_op(std::string_view op);
  Token take();
  Token expect(TokenKind kind, std::string_view what);
  void expect_op(std::string_view op);
  void expect_name(std::string_view name);
  [[noreturn]] void unexpected(std::string_view wanted) const;
  Symbol symbol(const std::string& name);

  // Statements
  Block parse_block(
      std::initializer_list<std::string_view> ends);  // up to a tag that starts with one of `ends`
  Block parse_body(std::initializer_list<std::string_view> ends);  // the same after the opening tag's end
  Block parse_closed_body(std::string_view end);                   // …, the end's name consumed
  std::unique_ptr<const Statement> parse_statement();
  std::unique_ptr<const Statement> parse_print(int line);
  std::unique_ptr<const Statement> parse_print_tag(int line);
  std::unique_ptr<const Statement> parse_if(int line);
  std::unique_ptr<const Statement> parse_for(int line);
  std::unique_ptr<const Statement> parse_set(int line);
  std::unique_ptr<const Statement> parse_with(int line);
  std::unique_ptr<const Statement> parse_macro(int line);
  std::unique_ptr<const Statement> parse_call_block(int line);
  std::unique_ptr<const Statement> parse_filter_block(int line);
  std::unique_ptr<const Statement> parse_generation(int line);
  std::unique_ptr<const Statement> parse_jump(int line, Flow flow);
  void parse_parameters(MacroBody* macro);
  void parse_macro_body(MacroBody* macro, std::string_view end);
  Target parse_target(bool attributes_allowed);
  Target parse_single_target(bool attributes_allowed);

  // Expressions, loosest first
  ExpressionPtr parse_tuple(bool conditional_allowed, std::string_view end_name = {});
  ExpressionPtr parse_expression();  // with `x if y else z`
  ExpressionPtr parse_or();
  ExpressionPtr parse_and();
  ExpressionPtr parse_not();
  ExpressionPtr parse_comparison();
  ExpressionPtr parse_sum();
  ExpressionPtr parse_concatenation();
  ExpressionPtr parse_product();
  ExpressionPtr parse_power();
  ExpressionPtr parse_unary(bool with_filters);
  ExpressionPtr parse_primary();
  ExpressionPtr parse_name();
  ExpressionPtr parse_parenthesized();
  ExpressionPtr parse_list();
  ExpressionPtr parse_dict();
  ExpressionPtr parse_postfix(ExpressionPtr node);
  ExpressionPtr parse_filters_and_tests(ExpressionPtr node);
  ExpressionPtr parse_filters(ExpressionPtr input, bool at_start);
  ExpressionPtr parse_test(ExpressionPtr input);
  ExpressionPtr parse_dot(ExpressionPtr object);
  ExpressionPtr parse_subscript(ExpressionPtr object);
  ExpressionPtr parse_slice(ExpressionPtr object, ExpressionPtr start, int line);
  ExpressionPtr parse_call(ExpressionPtr callee);
  CallArguments parse_arguments();
  ExpressionPtr parse_slice_part();

  std::vector<Token> tokens_;
  size_t at_ = 0;
  int depth_ = 0;
  int max_depth_;
  int loops_ = 0;                   // open `for` bodies, for break and continue
  std::vector<MacroBody*> macros_;  // being parsed, outermost first
  std::shared_ptr<Program> program_;
  std::unordered_map<std::string, Symbol> symbols_;
};

}  // namespace pingti::jinja
