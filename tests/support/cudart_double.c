/* A CUDA runtime of our own: memory is the CPU's, a stream is a queue that is worked off when somebody waits for it, so
   that whoever reads without waiting gets what was there before. It proves nothing of a GPU. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef void (*work_t)(void *);
struct step { void *to; const void *from; size_t size; work_t work; void *argument; struct step *next; };
static struct step *first, **last = &first;
static int live, made, streams, fail_code, fail_after = -1, integrated = 1, gpus = 1;
static char fail_name[64];
static char calls[1 << 16];

static int enter(const char *name)
{
    size_t used = strlen(calls);
    if (used + strlen(name) + 2 < sizeof calls) {
        strcpy(calls + used, name);
        strcat(calls, " ");
    }
    if (!strcmp(name, fail_name) && fail_after-- <= 0)
        return fail_code;
    return 0;
}
#define ENTER(name) do { int code = enter(name); if (code) return code; } while (0)

/* For the test. */
void double_reset(void) { calls[0] = fail_name[0] = 0; fail_after = -1; integrated = gpus = 1; }
void double_fail(const char *name, int code, int after) { strncpy(fail_name, name, 63); fail_code = code; fail_after = after; }
void double_device(int is_integrated, int count) { integrated = is_integrated; gpus = count; }
int double_live(void) { return live + streams; }
int double_made(void) { return made; }
const char *double_calls(void) { return calls; }
void double_forget_calls(void) { calls[0] = 0; }

static void push(struct step step)
{
    struct step *one = malloc(sizeof *one);
    *one = step;
    one->next = 0;
    *last = one;
    last = &one->next;
}
/* For the double of TensorRT: work for the stream. */
void double_enqueue(work_t work, void *argument) { push((struct step){0, 0, 0, work, argument, 0}); }

int cudaGetDeviceCount(int *count) { ENTER("cudaGetDeviceCount"); *count = gpus; return 0; }
int cudaRuntimeGetVersion(int *version) { ENTER("cudaRuntimeGetVersion"); *version = 12060; return 0; }
int cudaSetDevice(int device) { (void)device; ENTER("cudaSetDevice"); return 0; }
int cudaDeviceGetAttribute(int *value, int number, int device)
{
    (void)device;
    ENTER("cudaDeviceGetAttribute");
    *value = number == 75 ? 8 : number == 76 ? 7 : number == 18 ? integrated : 1;
    return 0;
}
int cudaGetDeviceProperties(char *properties, int device)
{
    (void)device;
    ENTER("cudaGetDeviceProperties");
    strcpy(properties, "Double");
    return 0;
}
int cudaStreamCreateWithFlags(void **stream, unsigned flags)
{
    ENTER("cudaStreamCreateWithFlags");
    *stream = (void *)(uintptr_t)(flags == 1 ? 4096 : 0);
    streams++;
    return 0;
}
int cudaStreamSynchronize(void *stream)
{
    (void)stream;
    int code = enter("cudaStreamSynchronize");
    while (first) {
        struct step *one = first;
        if (!code && one->work)
            one->work(one->argument);
        else if (!code)
            memcpy(one->to, one->from, one->size);
        first = one->next;
        free(one);
    }
    last = &first;
    return code;
}
int cudaStreamDestroy(void *stream) { (void)stream; ENTER("cudaStreamDestroy"); streams--; return 0; }
/* Filled, as what nobody wrote to must be wrong in the same way each time. */
static int get(void **memory, size_t size) { *memory = malloc(size); memset(*memory, 0xA5, size); live++; made++; return 0; }
int cudaMalloc(void **memory, size_t size) { ENTER("cudaMalloc"); return get(memory, size); }
int cudaFree(void *memory) { ENTER("cudaFree"); free(memory); live--; return 0; }
int cudaHostAlloc(void **memory, size_t size, unsigned flags) { (void)flags; ENTER("cudaHostAlloc"); return get(memory, size); }
int cudaHostGetDevicePointer(void **device, void *host, unsigned flags)
{
    (void)flags;
    ENTER("cudaHostGetDevicePointer");
    *device = host;
    return 0;
}
int cudaFreeHost(void *memory) { ENTER("cudaFreeHost"); free(memory); live--; return 0; }
int cudaMemcpyAsync(void *to, const void *from, size_t size, int kind, void *stream)
{
    (void)kind;
    ENTER("cudaMemcpyAsync");
    if (!stream)
        return 400; /* the default stream is never meant */
    push((struct step){to, from, size, 0, 0, 0});
    return 0;
}
const char *cudaGetErrorName(int code) { return code == 35 ? "cudaErrorInsufficientDriver" : code == 2 ? "cudaErrorMemoryAllocation" : "cudaErrorDouble"; }
const char *cudaGetErrorString(int code) { return code == 35 ? "CUDA driver version is insufficient" : code == 2 ? "out of memory" : "as the test wished"; }
