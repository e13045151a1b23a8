/* client URL TASK COUNT SIZE: nats.c measured as bench/run.py measures every client; prints one JSON line. */

#include <nats/nats.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int64_t micros(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void check(natsStatus s) {
    if (s != NATS_OK) {
        fprintf(stderr, "failed: %s\n", natsStatus_GetText(s));
        exit(1);
    }
}

/* Most memory this process has held, in KiB. */
static long peak(void) {
    char line[256];
    long kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "VmHWM: %ld", &kib) == 1) break;
    if (f != NULL) fclose(f);
    return kib;
}

static void report(long count, int64_t us, const char *more) {
    if (us < 1) us = 1;
    printf("{\"count\":%ld,\"seconds\":%.6f,\"rate\":%.1f,\"peak_kib\":%ld%s}\n", count, us / 1e6, count * 1e6 / us, peak(), more);
}

static int ascending(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void report_latency(long count, int64_t total, int64_t *each) {
    char more[80];
    qsort(each, count, sizeof *each, ascending);
    snprintf(more, sizeof more, ",\"p50_us\":%lld,\"p99_us\":%lld", (long long)each[(count - 1) * 50 / 100], (long long)each[(count - 1) * 99 / 100]);
    report(count, total, more);
}

static natsConnection *nc;
static char *payload;
static int size;
static long got, wanted;
static int64_t first_at, last_at;
static volatile int over;

static void publish(long count) {
    int64_t start = micros();
    for (long i = 0; i < count; i++) check(natsConnection_Publish(nc, "bench.publish", payload, size));
    check(natsConnection_FlushTimeout(nc, 60000));
    report(count, micros() - start, "");
}

static void on_message(natsConnection *c, natsSubscription *s, natsMsg *m, void *closure) {
    (void)c, (void)s, (void)closure;
    if (strcmp(natsMsg_GetSubject(m), "bench.receive.end") == 0) {
        over = 1;
    } else {
        if (got++ == 0) first_at = micros();
        if (got % 256 == 0 || got == wanted) last_at = micros();
    }
    natsMsg_Destroy(m);
}

static void receive(long count) {
    natsSubscription *sub;
    char more[40];
    wanted = count;
    check(natsConnection_Subscribe(&sub, nc, "bench.receive.*", on_message, NULL));
    check(natsSubscription_SetPendingLimits(sub, -1, -1));
    check(natsConnection_Flush(nc));
    printf("READY\n");
    fflush(stdout);
    while (!over) usleep(10000);
    snprintf(more, sizeof more, ",\"lost\":%ld", count - got);
    report(got, last_at - first_at, more);
    natsSubscription_Destroy(sub);
}

static void request(long count) {
    int64_t *each = malloc(count * sizeof *each), start = micros();
    for (long i = 0; i < count; i++) {
        natsMsg *reply;
        int64_t begin = micros();
        check(natsConnection_Request(&reply, nc, "bench.service", payload, size, 10000));
        natsMsg_Destroy(reply);
        each[i] = micros() - begin;
    }
    report_latency(count, micros() - start, each);
}

static void js_publish(long count, int window) {
    jsCtx *js;
    jsOptions options;
    int64_t start = micros();
    check(jsOptions_Init(&options));
    options.PublishAsync.MaxPending = window;
    check(natsConnection_JetStream(&js, nc, &options));
    for (long i = 0; i < count; i++) {
        if (window > 1) {
            check(js_PublishAsync(js, "bench.js", payload, size, NULL));
        } else {
            jsPubAck *ack;
            check(js_Publish(&ack, js, "bench.js", payload, size, NULL, NULL));
            jsPubAck_Destroy(ack);
        }
    }
    if (window > 1) check(js_PublishAsyncComplete(js, NULL));
    report(count, micros() - start, "");
}

static void kv(long count, int put) {
    jsCtx *js;
    kvStore *store;
    check(natsConnection_JetStream(&js, nc, NULL));
    check(js_KeyValue(&store, js, "bench"));
    if (!put) check(kvStore_Put(NULL, store, "key", payload, size));
    int64_t start = micros();
    for (long i = 0; i < count; i++) {
        if (put) {
            check(kvStore_Put(NULL, store, "key", payload, size));
        } else {
            kvEntry *entry;
            check(kvStore_Get(&entry, store, "key"));
            kvEntry_Destroy(entry);
        }
    }
    report(count, micros() - start, "");
}

int main(int argc, char **argv) {
    if (argc != 5) return 2;
    const char *task = argv[2];
    long count = atol(argv[3]);
    size = atoi(argv[4]);
    payload = calloc(1, size + 1);
    memset(payload, 'x', size);
    check(natsConnection_ConnectTo(&nc, argv[1]));
    if (strcmp(task, "connect") == 0) report(0, 1, "");
    else if (strcmp(task, "publish") == 0) publish(count);
    else if (strcmp(task, "receive") == 0) receive(count);
    else if (strcmp(task, "request") == 0) request(count);
    else if (strcmp(task, "js_publish") == 0) js_publish(count, 1);
    else if (strcmp(task, "js_publish_1000") == 0) js_publish(count, 1000);
    else if (strcmp(task, "kv_put") == 0) kv(count, 1);
    else if (strcmp(task, "kv_get") == 0) kv(count, 0);
    else printf("{\"unable\":true}\n");
    natsConnection_Destroy(nc);
    return 0;
}
