"""What the client saw of one request."""
import dataclasses

OK = "ok"


@dataclasses.dataclass
class Record:
    """Times are seconds of the event loop's clock.

    Definitions as vLLM's benchmarks: TTFT is from sending to the first output, the first event that bears text;
    ITL is the gap between two such events; TPOT is (E2E - TTFT) / (output tokens - 1); E2E is from sending to the
    answer's end. A whole (not streamed) answer has E2E alone.
    """

    label: str = ""            # class of the request, such as S, M or L
    phase: str = "cold"        # cold: a prompt never sent before; warm: the same prompt again
    turn: int = 0              # place in its conversation, from 0
    start: float = 0.0
    end: float = 0.0
    outputs: list = dataclasses.field(default_factory=list)  # (time, text) of every event that bore text
    streamed: bool = True
    text: str = ""
    finish: str | None = None
    status: int = 0            # HTTP status; 0: no answer
    error: str = OK            # OK, or what went wrong: an error code of the server or of this client
    prompt_tokens: int = 0     # from the server's usage; 0 without it
    cached_tokens: int = 0
    output_tokens: int = 0
    counted: bool = False      # output_tokens are the server's, not a count of events

    @property
    def ok(self):
        return self.error == OK

    @property
    def ttft(self):
        return self.outputs[0][0] - self.start if self.streamed and self.outputs else None

    @property
    def e2e(self):
        return self.end - self.start

    @property
    def tpot(self):
        if self.ttft is None or self.output_tokens < 2:
            return None
        return (self.e2e - self.ttft) / (self.output_tokens - 1)

    @property
    def gaps(self):
        """ITL values, seconds."""
        times = [time for time, _ in self.outputs] if self.streamed else []
        return [later - earlier for earlier, later in zip(times, times[1:])]

    def as_dict(self, origin=0.0):
        """For JSON: times in seconds from origin, answers' text left out."""
        return {"label": self.label, "phase": self.phase, "turn": self.turn, "start": self.start - origin,
                "ttft": self.ttft, "tpot": self.tpot, "e2e": self.e2e, "status": self.status, "error": self.error,
                "finish": self.finish, "prompt_tokens": self.prompt_tokens, "cached_tokens": self.cached_tokens,
                "output_tokens": self.output_tokens, "output_times": [t - self.start for t, _ in self.outputs]}
