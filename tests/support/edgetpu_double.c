/* A stand-in for libedgetpu.so.1: a TensorFlow Lite external delegate that has no chip.

   The structs mirror tensorflow/lite/core/c/common.h and c_api_types.h as far as they are used here; no header of
   theirs is needed. What it does is chosen by the first line of the file named by EDGETPU_DOUBLE_FILE (read again at
   every call, so that a running process can be made to fail), else by EDGETPU_DOUBLE_MODE:

     ok              claims every edgetpu-custom-op and runs it
     none            claims nothing, as a delegate for another operator would
     refuse          fails when the graph is prepared, with a text
     old-runtime     the same, with the text of a library that is older than the model's compiler
     old-abi         hands over the operator's table in the shorter layout of 2021: its newer fields are no use
     absent          opens nothing and says nothing, as the real one without a device
     hang-open, abort-open, segfault-open
     fail[:N]        every call after the first N fails
     hiccup:N        call N+1 fails, later ones do not
     slow:MS         every call takes so many milliseconds
     hang-invoke[:N], abort[:N]   after the first N calls; abort stands for the real one's LOG(FATAL) on unplug

   EDGETPU_DOUBLE_DEVICES lists devices, "usb:/sys/bus/usb/devices/2-1,pci:/dev/apex_0" (one USB device else). An
   opened one is locked by a file in EDGETPU_DOUBLE_LOCKS, where that is set: a second process finds it busy. The
   options that came are written to EDGETPU_DOUBLE_OPTIONS, where that is set, a line each.

   Outputs hold the real value 0, except where the operator's custom data is "double", and a line for each output:
   numbers separated by commas, repeated to the end of the tensor; "i7" is the eighth number of the first input (its
   bits, where that is int8), "i7*0.5" half of it. */

#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

typedef struct { int size; int data[]; } IntArray;
typedef struct {
    int type;
    union { void *raw; float *f32; uint8_t *u8; } data;
    IntArray *dims;
    struct { float scale; int32_t zero_point; } params;
    int allocation_type;
    size_t bytes;
    const void *allocation;
    const char *name;
    void *delegate;
    int buffer_handle;
    bool data_is_stale, is_variable;
    struct { int type; void *params; } quantization;
    void *sparsity;
    const IntArray *dims_signature;
} Tensor;
typedef struct {
    IntArray *inputs, *outputs, *intermediates, *temporaries;
    void *user_data, *builtin_data;
    const void *custom_initial_data;
    int custom_initial_data_size;
    void *delegate;
    bool might_have_side_effect;
} Node;
typedef struct Context Context;
typedef struct {
    void *(*init)(Context *, const char *, size_t);
    void (*free)(Context *, void *);
    int (*prepare)(Context *, Node *);
    int (*invoke)(Context *, Node *);
    const char *(*profiling_string)(const Context *, const Node *);
    int32_t builtin_code;
    const char *custom_name;
    int version;
    void *registration_external, *async_kernel; /* these and the next came after 2021 */
    uint64_t inplace_operator;
} Operator;
typedef struct Delegate Delegate;
struct Context {
    size_t tensors_size;
    int (*get_execution_plan)(Context *, IntArray **);
    Tensor *tensors;
    void *impl;
    int (*resize_tensor)(Context *, Tensor *, IntArray *);
    void (*report_error)(Context *, const char *, ...);
    int (*add_tensors)(Context *, int, int *);
    int (*get_node_and_operator)(Context *, int, Node **, Operator **);
    int (*replace)(Context *, Operator, const IntArray *, Delegate *);
};
struct Delegate {
    void *data;
    int (*prepare)(Context *, Delegate *);
    int (*copy_from)(Context *, Delegate *, int, Tensor *);
    int (*copy_to)(Context *, Delegate *, int, Tensor *);
    void (*free_handle)(Context *, Delegate *, int *);
    int64_t flags;
    void *opaque_delegate_builder;
    int lock;
};

enum { OK = 0, ERROR = 1 };
enum { FLOAT32 = 1, UINT8 = 3, INT8 = 9 };
enum { MOST = 16 };

static struct { int tensor, input; char text[4096]; } fills[64];
static int fill_count, calls;

/* The mode's word in `mode`; returns the number behind its colon, 0 without one. */
static long read_mode(char mode[64]) {
    const char *path = getenv("EDGETPU_DOUBLE_FILE"), *word = getenv("EDGETPU_DOUBLE_MODE");
    snprintf(mode, 64, "%s", word ? word : "ok");
    FILE *file = path ? fopen(path, "r") : NULL;
    if (file) {
        char line[64];
        if (fgets(line, sizeof line, file)) snprintf(mode, 64, "%s", line);
        fclose(file);
    }
    mode[strcspn(mode, "\n")] = 0;
    char *colon = strchr(mode, ':');
    if (!colon) return 0;
    *colon = 0;
    return strtol(colon + 1, NULL, 10);
}

static void hang(void) {
    for (;;) pause();
}

static double element(const Tensor *tensor, long index) {
    switch (tensor->type) {
        case FLOAT32: return tensor->data.f32[index];
        case UINT8:
        case INT8: return tensor->data.u8[index];
        default: return 0;
    }
}

static void fill(const Tensor *input, Tensor *output, const char *text) {
    double values[1024];
    size_t count = 0;
    for (const char *at = text; *at && count < 1024;) {
        char *end;
        double value = *at == 'i' ? element(input, strtol(at + 1, &end, 10)) : strtod(at, &end);
        values[count++] = *end == '*' ? value * strtod(end + 1, &end) : value;
        at = *end == ',' ? end + 1 : end + strlen(end);
    }
    size_t size = output->bytes / (output->type == FLOAT32 ? 4 : 1);
    for (size_t i = 0; count && i < size; i++) {
        double value = values[i % count];
        if (output->type == FLOAT32) output->data.f32[i] = (float)value;
        else output->data.u8[i] = (uint8_t)(int)value;
    }
}

static int kernel_prepare(Context *context, Node *node) {
    char mode[64];
    read_mode(mode);
    const char *text = !strcmp(mode, "refuse") ? "the double refuses this graph"
                     : !strcmp(mode, "old-runtime")
                         ? "Package requires runtime version (14), which is newer than this runtime version (13)"
                         : NULL;
    if (text) context->report_error(context, "%s", text);
    return text ? ERROR : OK;
}

static int kernel_invoke(Context *context, Node *node) {
    char mode[64];
    long number = read_mode(mode);
    int call = calls++;
    if (!strcmp(mode, "slow")) usleep((useconds_t)(number * 1000));
    if (call >= number && !strcmp(mode, "abort")) abort();
    if (call >= number && !strcmp(mode, "hang-invoke")) hang();
    if ((call >= number && !strcmp(mode, "fail")) || (call == number && !strcmp(mode, "hiccup"))) {
        context->report_error(context, "the double fails at call %d", call);
        return ERROR;
    }
    for (int i = 0; i < node->outputs->size; i++) {
        int index = node->outputs->data[i];
        Tensor *output = &context->tensors[index];
        memset(output->data.raw, output->params.zero_point, output->bytes);
        for (int k = 0; k < fill_count; k++)
            if (fills[k].tensor == index) fill(&context->tensors[fills[k].input], output, fills[k].text);
    }
    return OK;
}

static void remember_fills(const Node *node) {
    char text[8192];
    int size = node->custom_initial_data_size;
    if (size < 7 || size >= (int)sizeof text || memcmp(node->custom_initial_data, "double\n", 7)) return;
    memcpy(text, node->custom_initial_data, (size_t)size);
    text[size] = 0;
    char *at = text + 7;
    for (int i = 0; i < node->outputs->size && fill_count < 64; i++) {
        size_t length = strcspn(at, "\n");
        fills[fill_count].tensor = node->outputs->data[i];
        fills[fill_count].input = node->inputs->data[0];
        snprintf(fills[fill_count++].text, sizeof fills[0].text, "%.*s", (int)length, at);
        at += length + (at[length] == '\n');
    }
}

static int delegate_prepare(Context *context, Delegate *delegate) {
    char mode[64];
    read_mode(mode);
    if (!strcmp(mode, "none")) return OK;
    IntArray *plan;
    if (context->get_execution_plan(context, &plan) != OK) return ERROR;
    IntArray *claimed = malloc(sizeof(int) * (size_t)(plan->size + 1));
    claimed->size = 0;
    fill_count = 0;
    for (int i = 0; i < plan->size; i++) {
        Node *node;
        Operator *operator;
        if (context->get_node_and_operator(context, plan->data[i], &node, &operator) != OK) continue;
        if (!operator->custom_name || strcmp(operator->custom_name, "edgetpu-custom-op")) continue;
        claimed->data[claimed->size++] = plan->data[i];
        remember_fills(node);
    }
    Operator kernel = {.prepare = kernel_prepare, .invoke = kernel_invoke, .custom_name = "EdgeTpuDouble", .version = 1};
    if (!strcmp(mode, "old-abi")) {
        /* A shorter struct leaves what happened to lie behind it on the stack: here, always something that is no operator. */
        static char left_over[512];
        kernel.registration_external = kernel.async_kernel = left_over;
    }
    int status = context->replace(context, kernel, claimed, delegate);
    free(claimed);
    return status;
}

/* --- the devices --- */

struct edgetpu_device { int type; const char *path; }; /* 0: PCIe, 1: USB */

static int read_devices(struct edgetpu_device devices[MOST]) {
    static char text[4096];
    char mode[64], *rest = NULL;
    read_mode(mode);
    if (!strcmp(mode, "absent")) return 0;
    const char *list = getenv("EDGETPU_DOUBLE_DEVICES");
    snprintf(text, sizeof text, "%s", list ? list : "usb:/sys/bus/usb/devices/2-1");
    int count = 0;
    for (char *at = strtok_r(text, ",", &rest); at && count < MOST; at = strtok_r(NULL, ",", &rest))
        devices[count++] = (struct edgetpu_device){strncmp(at, "pci:", 4) ? 1 : 0, strdup(at + 4)};
    return count;
}

struct edgetpu_device *edgetpu_list_devices(size_t *count) {
    struct edgetpu_device *devices = calloc(MOST, sizeof *devices);
    *count = (size_t)read_devices(devices);
    if (*count) return devices;
    free(devices);
    return NULL;
}

void edgetpu_free_devices(struct edgetpu_device *devices) {
    for (int i = 0; devices && i < MOST; i++) free((void *)devices[i].path);
    free(devices);
}

const char *edgetpu_version(void) { return "BuildLabel(DOUBLE), RuntimeVersion(14)"; }

/* "", ":N", "usb", "usb:N", "pci", "pci:N" to the device's path; NULL where there is none. */
static const char *find(const char *wanted, struct edgetpu_device *devices, int count) {
    int type = !strncmp(wanted, "usb", 3) ? 1 : !strncmp(wanted, "pci", 3) ? 0 : -1;
    const char *colon = strchr(wanted, ':');
    long index = colon ? strtol(colon + 1, NULL, 10) : 0;
    for (int i = 0; i < count; i++)
        if ((type < 0 || devices[i].type == type) && index-- == 0) return devices[i].path;
    return NULL;
}

static int lock(const char *path) {
    const char *folder = getenv("EDGETPU_DOUBLE_LOCKS");
    if (!folder) return -2;
    char name[PATH_MAX];
    const char *base = strrchr(path, '/');
    snprintf(name, sizeof name, "%s/%s", folder, base ? base + 1 : path);
    int fd = open(name, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
    if (fd >= 0) close(fd);
    return -1;
}

Delegate *tflite_plugin_create_delegate(char **keys, char **values, size_t count, void (*report)(const char *)) {
    (void)report; /* the real one never calls it */
    char mode[64];
    read_mode(mode);
    const char *wanted = "", *log = getenv("EDGETPU_DOUBLE_OPTIONS");
    FILE *file = log ? fopen(log, "w") : NULL;
    for (size_t i = 0; i < count; i++) {
        if (file) fprintf(file, "%s=%s\n", keys[i], values[i]);
        if (!strcmp(keys[i], "device")) wanted = values[i];
    }
    if (file) fclose(file);
    if (!strcmp(mode, "hang-open")) hang();
    if (!strcmp(mode, "abort-open")) abort();
    if (!strcmp(mode, "segfault-open")) *(volatile int *)16 = 1;
    struct edgetpu_device devices[MOST];
    const char *path = find(wanted, devices, read_devices(devices));
    if (!path) return NULL;
    int held = lock(path);
    if (held == -1) return NULL;
    Delegate *delegate = calloc(1, sizeof *delegate);
    delegate->prepare = delegate_prepare;
    delegate->flags = 1; /* allow dynamic tensors; else every operator is prepared first, and ours cannot be */
    delegate->lock = held;
    return delegate;
}

void tflite_plugin_destroy_delegate(Delegate *delegate) {
    if (delegate && delegate->lock >= 0) close(delegate->lock);
    free(delegate);
}
