// The engine over HTTP: the OpenAI API, health, metrics and the chat page.
//
// A Server listens as soon as it is made and answers 503 "loading" until models are attached. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "server/output_options.h"

namespace pingti {

struct Context;
class ModelHost;

struct AccessRecord {
  std::string request_id;
  std::string peer;
  std::string method;
  std::string target;  // as sent
  int status = 0;      // 499: the client left first
  double seconds = 0;
};

// Whether requests of different API keys share computed prefixes.
enum class CacheIsolation {
  kAuto,  // on with more than one key
  kOn,    // they do not
  kOff,   // they do
};

struct ServerOptions {
  std::string host = "127.0.0.1";
  uint16_t port = 8080;                    // 0: any free port
  std::vector<std::string> api_keys;       // none: everybody may ask
  std::vector<std::string> admin_keys;     // for loading and unloading models; none: nobody may
  bool insecure = false;                   // allows listening beyond this machine without a key
  std::vector<std::string> allowed_hosts;  // further names this server may be called by (Host header)
  std::vector<std::string>
      model_ids;                // names the model answers to, the first is its own; empty: the engine's
  OutputOptions output;         // of its answers
  int64_t max_queue = 256;      // choices waiting for a place in the batch, all lanes together
  double max_wait_seconds = 0;  // predicted time to the first token that is taken on; 0: any
  size_t max_body_bytes = 32 << 20;
  size_t max_header_bytes = 32 << 10;
  size_t max_connections = 1024;
  std::chrono::milliseconds header_timeout{10000};
  std::chrono::milliseconds idle_timeout{75000};
  std::chrono::milliseconds sse_ping{10000};  // a comment on a stream that has nothing to say
  // A JSON answer that takes longer begins: status 200, then a blank line every sse_ping until the body is
  // there, so that neither the client nor a proxy gives up. An error after that cuts the connection.
  std::chrono::milliseconds late_after{30000};
  std::chrono::milliseconds load_wait{300000};  // a request waits so long for its model to be loaded
  double stall_seconds = 120;                   // /livez fails when the engine has not stepped for so long
  double drain_seconds = 120;  // shutdown() cancels the answers that take longer; 0: waits for all of them
  CacheIsolation cache_isolation = CacheIsolation::kAuto;
  std::function<void(const AccessRecord&)> on_access;  // called for every answer, from any thread
};

class Server {
 public:
  // Errors: "server.no_api_key" (beyond loopback without a key), "server.output" (no such tool format),
  // "net.address", "net.listen".
  static Result<std::unique_ptr<Server>> start(ServerOptions options);
  Server(const Server&) = delete;
  ~Server();  // cuts what is left; call shutdown() first to let answers finish

  uint16_t port() const;

  void set_load_progress(double fraction);
  // Serves these models from now on. The host must outlive the Server. Once, this or the other.
  void attach(ModelHost& host);
  // Serves `engine` alone under these names, the first its own (none: the options', or the engine's).
  // It must outlive the Server.
  void attach(Engine& engine, std::vector<std::string> model_ids = {});

  // Refuses new work, lets running answers finish (those left after drain_seconds end with the error
  // "draining"), then closes. Blocks until that is done.
  void shutdown();

 private:
  explicit Server(std::shared_ptr<Context> context);
  std::shared_ptr<Context> context_;
};

}  // namespace pingti
