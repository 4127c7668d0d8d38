import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Asks Sentinela for the decision on one payment, as docs/calling.md tells a caller to, with what Java 17 has.
 *
 * <p>{@code java Sentinela.java URL PAYMENT.json [DEADLINE_MS]}, with the token in SCORER_TOKEN.
 */
public final class Sentinela {
    /** How a call may end. Only a Decision may be an approval. */
    sealed interface Answer permits Decision, Provisional, Refused, Nobody {}

    /** The decision that stands. */
    record Decision(String outcome) implements Answer {}

    /** What to do until the decision is made: ask again. */
    record Provisional(String outcome) implements Answer {}

    /** A request that is refused every time. 409: another payment has this EndToEndId. */
    record Refused(int status) implements Answer {}

    /** No answer of the scorer's in time. The caller's own rule decides, never an approval. */
    record Nobody(String why) implements Answer {}

    private static final long BUDGET_MS = 300; // the scorer's DECISION_TIMEOUT
    private static final long NETWORK_MS = 50;
    private static final long LEAST_BUDGET_MS = 10;
    private static final int CALLS_PER_RETRY = 10;
    private static final int MOST_RETRIES = 10;
    private static final int MAX_ANSWER = 1 << 20;
    private static final Set<Integer> COMES_BACK = Set.of(408, 429, 500, 502, 503, 504);
    private static final Set<String> OUTCOMES = Set.of("OUTCOME_APPROVE", "OUTCOME_REVIEW", "OUTCOME_BLOCK", "OUTCOME_REJECT");

    private final HttpClient http = HttpClient.newBuilder() // one for all calls: it keeps its connections
            .version(HttpClient.Version.HTTP_1_1)
            .followRedirects(HttpClient.Redirect.NEVER) // else payment and token go wherever an answer says
            .connectTimeout(Duration.ofSeconds(1))
            .build();
    private final URI decisions;
    private final String token;
    private int calls = MOST_RETRIES * CALLS_PER_RETRY; // that no retry has used up, of all callers

    Sentinela(String url, String token) {
        this.decisions = URI.create(url.replaceAll("/$", "") + "/v1/decisions");
        this.token = token;
    }

    /** Asks until there is an answer, or no further attempt fits into the deadline or the retries' budget. To ask again is safe. */
    Answer decide(String id, byte[] payment, Duration deadline) throws InterruptedException {
        long end = System.nanoTime() + deadline.toNanos();
        String why = "the deadline leaves no time";
        long pause = 0;
        for (int attempt = 0; leftMs(end) - pause >= NETWORK_MS + LEAST_BUDGET_MS && mayAsk(attempt); attempt++) {
            Thread.sleep(pause);
            long limit = Math.min(leftMs(end), BUDGET_MS + NETWORK_MS);
            long retryAfter = 0;
            try {
                HttpResponse<byte[]> response = exchange(payment, limit);
                if (response.statusCode() == 200) {
                    return read(response, id);
                }
                if (!COMES_BACK.contains(response.statusCode())) {
                    return new Refused(response.statusCode());
                }
                why = "status " + response.statusCode();
                retryAfter = retryAfterMs(response);
            } catch (IOException e) {
                why = e.getClass().getSimpleName();
            }
            long spread = Math.max(Math.min(400, 25L << Math.min(attempt, 4)), retryAfter / 2);
            pause = retryAfter + ThreadLocalRandom.current().nextLong(spread);
        }
        return new Nobody(why);
    }

    /** Ten calls earn one retry, whichever call makes it: when all fail, the scorer must not be asked several times as much. */
    private synchronized boolean mayAsk(int attempt) {
        if (attempt == 0) {
            calls = Math.min(calls + 1, MOST_RETRIES * CALLS_PER_RETRY);
            return true;
        }
        if (calls < CALLS_PER_RETRY) {
            return false;
        }
        calls -= CALLS_PER_RETRY;
        return true;
    }

    private static long leftMs(long end) {
        return TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
    }

    /** One attempt, body and all: HttpRequest's own time-out ends with the headers. */
    private HttpResponse<byte[]> exchange(byte[] payment, long limitMs) throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(decisions)
                .header("Content-Type", "application/json")
                .header("Accept", "application/json")
                .header("Pix-Time-Budget-Ms", Long.toString(Math.max(1, limitMs - NETWORK_MS)))
                .POST(HttpRequest.BodyPublishers.ofByteArray(payment));
        if (token != null && !token.isEmpty()) {
            request.header("Authorization", "Bearer " + token);
        }
        CompletableFuture<HttpResponse<byte[]>> call = http.sendAsync(request.build(), info -> new Bounded());
        try {
            return call.get(limitMs, TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            throw new IOException("no answer in time", e);
        } catch (ExecutionException e) {
            throw new IOException("exchange failed", e.getCause());
        } finally {
            call.cancel(true);
        }
    }

    /** Takes the scorer's answer for this payment and nothing else. */
    private static Answer read(HttpResponse<byte[]> response, String id) {
        String body = new String(response.body(), java.nio.charset.StandardCharsets.UTF_8);
        String outcome = member(body, "outcome", "\"(\\w+)\"").orElse("");
        String provisional = member(body, "provisional", "(true|false)").orElse("");
        boolean json = response.headers().firstValue("Content-Type").orElse("").startsWith("application/json");
        boolean mine = member(body, "endToEndId", "\"(\\w{32})\"").orElse("").equals(id);
        if (!json || !mine || !OUTCOMES.contains(outcome) || provisional.isEmpty()) {
            return new Nobody("what answers is not the scorer, or answers for another payment");
        }
        if (provisional.equals("false")) {
            return new Decision(outcome);
        }
        return outcome.equals("OUTCOME_APPROVE") ? new Nobody("a provisional approval, which no scorer gives") : new Provisional(outcome);
    }

    /**
     * The value of a member that is there once. Inside a text every quote has a backslash before it, so a name between two
     * bare ones is a member's. A program that has a JSON library reads the answer with it.
     */
    static Optional<String> member(String json, String name, String value) {
        Matcher found = Pattern.compile("\"" + name + "\"\\s*:\\s*" + value).matcher(json);
        Optional<String> first = found.find() ? Optional.of(found.group(1)) : Optional.empty();
        return found.find() ? Optional.empty() : first;
    }

    /** In milliseconds; a date, or more than a day, is longer than any deadline. */
    private static long retryAfterMs(HttpResponse<?> response) {
        Optional<String> value = response.headers().firstValue("Retry-After");
        if (value.isEmpty()) {
            return 0;
        }
        return value.get().matches("\\d{1,5}") ? TimeUnit.SECONDS.toMillis(Long.parseLong(value.get())) : TimeUnit.DAYS.toMillis(1);
    }

    /** A body of at most MAX_ANSWER bytes. */
    private static final class Bounded implements HttpResponse.BodySubscriber<byte[]> {
        private final CompletableFuture<byte[]> body = new CompletableFuture<>();
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        private Flow.Subscription subscription;

        @Override
        public CompletableFuture<byte[]> getBody() {
            return body;
        }

        @Override
        public void onSubscribe(Flow.Subscription s) {
            subscription = s;
            s.request(Long.MAX_VALUE);
        }

        @Override
        public void onNext(List<ByteBuffer> parts) {
            for (ByteBuffer part : parts) {
                if (bytes.size() + part.remaining() > MAX_ANSWER) {
                    subscription.cancel();
                    body.completeExceptionally(new IOException("longer than an answer"));
                    return;
                }
                byte[] copy = new byte[part.remaining()];
                part.get(copy);
                bytes.writeBytes(copy);
            }
        }

        @Override
        public void onError(Throwable cause) {
            body.completeExceptionally(cause);
        }

        @Override
        public void onComplete() {
            body.complete(bytes.toByteArray());
        }
    }

    public static void main(String[] args) throws Exception {
        if (args.length < 2) {
            System.err.println("usage: java Sentinela.java URL PAYMENT.json [DEADLINE_MS]");
            System.exit(2);
        }
        byte[] payment = Files.readAllBytes(Path.of(args[1]));
        String id = member(new String(payment, java.nio.charset.StandardCharsets.UTF_8), "endToEndId", "\"(\\w{32})\"").orElseThrow();
        Duration deadline = Duration.ofMillis(args.length > 2 ? Long.parseLong(args[2]) : 1000);
        Answer answer = new Sentinela(args[0], System.getenv("SCORER_TOKEN")).decide(id, payment, deadline);
        if (answer instanceof Decision d) {
            System.out.println(d.outcome().equals("OUTCOME_APPROVE") ? "let it go" : "do what the decision says: " + d.outcome());
        } else if (answer instanceof Provisional p) {
            System.out.println("do this for now, and ask again: " + p.outcome());
        } else if (answer instanceof Refused r) {
            System.out.println("refused with status " + r.status() + ": hold it, by our own rule");
        } else if (answer instanceof Nobody n) {
            System.out.println("nobody answered (" + n.why() + "): hold it, by our own rule");
        }
    }
}
