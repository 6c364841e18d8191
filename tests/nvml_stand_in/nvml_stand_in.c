/* A libnvidia-ml.so.1 whose GPUs are a text file: tests read it through the same ctypes calls as the real library.
 *
 * The file is named by NVML_STAND_IN and read at every call, so that a test changes GPUs while they are read. Each line
 * is a key and a value; GPU keys begin with the GPU's number, or with * for all that say nothing themselves:
 *   driver 580.95.05              count 4                     fail.nvmlInit 9
 *   *.name NVIDIA H100            2.temperature 91            1.remapped 0 1 1 0
 *   3.fail.* 15                   0.fail.nvmlDeviceGetPowerUsage 3
 *   0.wait.nvmlDeviceGetPowerUsage 1500                       milliseconds before the answer
 *   1.link.7 0                    0.process 4242 1073741824   0.field.82 71
 *   0.part 10737418240 42949672960                            a MIG device: bytes used and in all
 *   event 1 8 79                  GPU, type, data; delivered once, in order, to whoever listened before it was written
 * Without a file there is no driver.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define API __attribute__((visibility("default")))
enum { SUCCESS = 0, UNINITIALIZED = 1, INVALID = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, SMALL = 7, NO_DRIVER = 9,
       TIMEOUT = 10, OTHER_VERSION = 25 };
enum { MOST_GPUS = 64, MOST_PARTS = 8, MOST_PROCESSES = 64 };

typedef unsigned long long u64;
typedef struct { u64 total, free, used; } memory_1;
typedef struct { unsigned version; u64 total, reserved, free, used; } memory_2;
typedef struct { unsigned gpu, memory; } utilization;
typedef struct { unsigned version, sensor; int celsius; } temperature_1;
typedef struct { unsigned version; int celsius; } margin_1;
typedef struct { char legacy[16]; unsigned domain, bus, device, id, subsystem; char bus_id[32]; } pci;
typedef struct { unsigned pid; u64 bytes; unsigned instance, compute; } process;
typedef struct { void *device; u64 type, data; unsigned instance, compute; } event;
typedef struct { unsigned id, scope; long long when, latency; unsigned kind; int status; u64 value; } field;

static char text[1 << 16];
static int users;
static unsigned delivered;
static char gpus[MOST_GPUS + 1][MOST_PARTS + 1]; /* handles: &gpus[gpu + 1][0], and of its parts &gpus[gpu + 1][n + 1] */

static int gpu_of(const void *handle) {
    long place = (const char *)handle - &gpus[0][0];
    return place >= MOST_PARTS + 1 && place < (long)sizeof gpus ? (int)(place / (MOST_PARTS + 1)) - 1 : -1;
}
static int part_of(const void *handle) { return (int)(((const char *)handle - &gpus[0][0]) % (MOST_PARTS + 1)) - 1; }

static int read_file(void) {
    const char *name = getenv("NVML_STAND_IN");
    FILE *file = name ? fopen(name, "r") : NULL;
    size_t size = file ? fread(text, 1, sizeof text - 1, file) : 0;
    text[size] = 0;
    if (file) fclose(file);
    return file != NULL;
}
/* The value of the nth line with this key, copied into `value`. */
static int find(const char *key, unsigned nth, char value[256]) {
    size_t length = strlen(key);
    for (const char *line = text; line && *line; line = strchr(line, '\n'), line += line != NULL)
        if (!strncmp(line, key, length) && line[length] == ' ' && nth-- == 0) {
            snprintf(value, 256, "%.*s", (int)strcspn(line + length + 1, "\n"), line + length + 1);
            return 1;
        }
    return 0;
}
static int of_gpu(int gpu, const char *key, unsigned nth, char value[256]) {
    char full[160];
    snprintf(full, sizeof full, "%d.%s", gpu, key);
    if (find(full, nth, value)) return 1;
    snprintf(full, sizeof full, "*.%s", key);
    return find(full, nth, value);
}
static int count(void) { char value[256]; return find("count", 0, value) ? atoi(value) : 0; }

/* What every call begins with: the file, errors that the test wants, and its delays. */
static int begin(const char *call, int gpu, int is_of_gpu) {
    char key[128], value[256];
    if (!read_file()) return NO_DRIVER;
    if (!users) return UNINITIALIZED;
    if (is_of_gpu && (gpu < 0 || gpu >= count())) return INVALID;
    snprintf(key, sizeof key, "fail.%s", call);
    if (is_of_gpu ? of_gpu(gpu, key, 0, value) || of_gpu(gpu, "fail.*", 0, value) : find(key, 0, value))
        return atoi(value);
    snprintf(key, sizeof key, "wait.%s", call);
    if (is_of_gpu && of_gpu(gpu, key, 0, value)) {
        long milliseconds = atol(value);
        struct timespec pause = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
        nanosleep(&pause, NULL);
    }
    return SUCCESS;
}
static int number(const char *call, const void *handle, const char *key, u64 *out) {
    char value[256];
    int gpu = gpu_of(handle), status = begin(call, gpu, 1);
    if (status) return status;
    if (!of_gpu(gpu, key, 0, value)) return NOT_SUPPORTED;
    *out = strtoull(value, NULL, 0);
    return SUCCESS;
}
static int small(const char *call, const void *handle, const char *key, unsigned *out) {
    u64 value = 0;
    int status = number(call, handle, key, &value);
    if (!status) *out = (unsigned)value;
    return status;
}
static int words(const char *call, const void *handle, const char *key, char *out, unsigned size) {
    char value[256];
    int gpu = gpu_of(handle), status = begin(call, gpu, 1);
    if (status) return status;
    if (!of_gpu(gpu, key, 0, value)) return NOT_SUPPORTED;
    return strlen(value) >= size ? SMALL : (strcpy(out, value), SUCCESS);
}
#define NUMBER(name, key) API int name(void *h, unsigned *out) { return small(#name, h, key, out); }
#define LONG(name, key) API int name(void *h, u64 *out) { return number(#name, h, key, out); }
#define TEXT(name, key) API int name(void *h, char *out, unsigned size) { return words(#name, h, key, out, size); }
#define ABSENT(name) API int name(void) { return NOT_SUPPORTED; }

API int nvmlInitWithFlags(unsigned flags) {
    char value[256];
    (void)flags;
    if (!read_file()) return NO_DRIVER;
    if (find("fail.nvmlInit", 0, value)) return atoi(value);
    return users++, SUCCESS;
}
API int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
API int nvmlShutdown(void) { return users ? (users--, SUCCESS) : UNINITIALIZED; }
API const char *nvmlErrorString(int status) { (void)status; return "an error of the stand-in"; }
API int nvmlSystemGetDriverVersion(char *out, unsigned size) {
    char value[256];
    int status = begin("nvmlSystemGetDriverVersion", 0, 0);
    if (status) return status;
    if (!find("driver", 0, value)) return NOT_SUPPORTED;
    return snprintf(out, size, "%s", value), SUCCESS;
}
API int nvmlSystemGetCudaDriverVersion_v2(int *out) { return *out = 13000, begin("nvmlSystemGetCudaDriverVersion_v2", 0, 0); }
API int nvmlSystemGetCudaDriverVersion(int *out) { return nvmlSystemGetCudaDriverVersion_v2(out); }
API int nvmlDeviceGetCount_v2(unsigned *out) {
    int status = begin("nvmlDeviceGetCount", 0, 0);
    if (!status) *out = (unsigned)count();
    return status;
}
API int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **out) {
    int status = begin("nvmlDeviceGetHandleByIndex", (int)index, 1);
    if (!status) *out = &gpus[index + 1][0];
    return status;
}
static int by(const char *call, const char *key, const char *wanted, void **out) {
    char value[256];
    int status = begin(call, 0, 0);
    for (int gpu = 0; !status && gpu < count(); gpu++)
        if (of_gpu(gpu, key, 0, value) && !strcasecmp(value, wanted)) return *out = &gpus[gpu + 1][0], SUCCESS;
    return status ? status : NOT_FOUND;
}
API int nvmlDeviceGetHandleByUUID(const char *uuid, void **out) { return by("nvmlDeviceGetHandleByUUID", "uuid", uuid, out); }
API int nvmlDeviceGetHandleByPciBusId_v2(const char *bus, void **out) { return by("nvmlDeviceGetHandleByPciBusId", "bus", bus, out); }
API int nvmlDeviceGetIndex(void *h, unsigned *out) {
    int status = begin("nvmlDeviceGetIndex", gpu_of(h), 1);
    if (!status) *out = (unsigned)gpu_of(h);
    return status;
}
TEXT(nvmlDeviceGetName, "name") TEXT(nvmlDeviceGetUUID, "uuid") TEXT(nvmlDeviceGetSerial, "serial")
API int nvmlDeviceGetPciInfo_v3(void *h, pci *out) {
    memset(out, 0, sizeof *out);
    int status = words("nvmlDeviceGetPciInfo_v3", h, "bus", out->bus_id, sizeof out->bus_id);
    if (!status) sscanf(out->bus_id, "%x:%x:%x", &out->domain, &out->bus, &out->device);
    if (!status) snprintf(out->legacy, sizeof out->legacy, "%.12s", out->bus_id + 4);
    return status;
}

/* load */
API int nvmlDeviceGetUtilizationRates(void *h, utilization *out) {
    out->memory = 0;
    return small("nvmlDeviceGetUtilizationRates", h, "utilization", &out->gpu);
}
static int memory(const char *call, void *h, u64 *used, u64 *reserved, u64 *total) {
    char value[256];
    int gpu = gpu_of(h), part = part_of(h), status = begin(call, gpu, 1);
    *reserved = 0;
    if (status) return status;
    if (part >= 0) return of_gpu(gpu, "part", (unsigned)part, value) && sscanf(value, "%llu %llu", used, total) == 2 ? SUCCESS : NOT_FOUND;
    return of_gpu(gpu, "memory", 0, value) && sscanf(value, "%llu %llu %llu", used, total, reserved) >= 2 ? SUCCESS : NOT_SUPPORTED;
}
API int nvmlDeviceGetMemoryInfo(void *h, memory_1 *out) {
    u64 reserved;
    int status = memory("nvmlDeviceGetMemoryInfo", h, &out->used, &reserved, &out->total);
    if (!status) out->used += reserved, out->free = out->total - out->used;
    return status;
}
API int nvmlDeviceGetMemoryInfo_v2(void *h, memory_2 *out) {
    if (out->version != (sizeof *out | 2u << 24)) return OTHER_VERSION;
    int status = memory("nvmlDeviceGetMemoryInfo_v2", h, &out->used, &out->reserved, &out->total);
    if (!status) out->free = out->total - out->used - out->reserved;
    return status;
}
API int nvmlDeviceGetTemperature(void *h, unsigned sensor, unsigned *out) {
    return sensor ? INVALID : small("nvmlDeviceGetTemperature", h, "temperature", out);
}
API int nvmlDeviceGetTemperatureV(void *h, temperature_1 *out) {
    if (out->version != (sizeof *out | 1u << 24)) return OTHER_VERSION;
    return small("nvmlDeviceGetTemperatureV", h, "temperature", (unsigned *)&out->celsius);
}
API int nvmlDeviceGetMarginTemperature(void *h, margin_1 *out) {
    if (out->version != (sizeof *out | 1u << 24)) return OTHER_VERSION;
    return small("nvmlDeviceGetMarginTemperature", h, "margin", (unsigned *)&out->celsius);
}
API int nvmlDeviceGetTemperatureThreshold(void *h, unsigned which, unsigned *out) {
    return which == 1 ? small("nvmlDeviceGetTemperatureThreshold", h, "slowdown", out) : NOT_SUPPORTED;
}
NUMBER(nvmlDeviceGetPowerUsage, "power") NUMBER(nvmlDeviceGetEnforcedPowerLimit, "power_limit")
NUMBER(nvmlDeviceGetPowerManagementLimit, "power_limit")
API int nvmlDeviceGetClockInfo(void *h, unsigned which, unsigned *out) {
    return small("nvmlDeviceGetClockInfo", h, which == 2 ? "memory_clock" : "sm_clock", out);
}
API int nvmlDeviceGetMaxClockInfo(void *h, unsigned which, unsigned *out) { return nvmlDeviceGetClockInfo(h, which, out); }
LONG(nvmlDeviceGetCurrentClocksEventReasons, "reasons") LONG(nvmlDeviceGetCurrentClocksThrottleReasons, "old_reasons")
LONG(nvmlDeviceGetTotalEnergyConsumption, "energy")

/* faults and links */
API int nvmlDeviceGetTotalEccErrors(void *h, unsigned kind, unsigned counter, u64 *out) {
    return counter ? NOT_SUPPORTED : number("nvmlDeviceGetTotalEccErrors", h, kind ? "ecc.uncorrected" : "ecc.corrected", out);
}
API int nvmlDeviceGetRemappedRows(void *h, unsigned *corrected, unsigned *uncorrected, unsigned *pending, unsigned *failed) {
    char value[256];
    int gpu = gpu_of(h), status = begin("nvmlDeviceGetRemappedRows", gpu, 1);
    if (status) return status;
    return of_gpu(gpu, "remapped", 0, value) && sscanf(value, "%u %u %u %u", corrected, uncorrected, pending, failed) == 4 ? SUCCESS : NOT_SUPPORTED;
}
NUMBER(nvmlDeviceGetPcieReplayCounter, "pcie.replays") NUMBER(nvmlDeviceGetCurrPcieLinkGeneration, "pcie.generation")
NUMBER(nvmlDeviceGetCurrPcieLinkWidth, "pcie.width") NUMBER(nvmlDeviceGetMaxPcieLinkGeneration, "pcie.generation")
NUMBER(nvmlDeviceGetMaxPcieLinkWidth, "pcie.width")
API int nvmlDeviceGetPcieThroughput(void *h, unsigned way, unsigned *out) {
    return small("nvmlDeviceGetPcieThroughput", h, way ? "pcie.received" : "pcie.sent", out);
}
API int nvmlDeviceGetNvLinkState(void *h, unsigned link, unsigned *out) {
    char key[32], value[256];
    int gpu = gpu_of(h), status = begin("nvmlDeviceGetNvLinkState", gpu, 1);
    if (status) return status;
    if (!of_gpu(gpu, "links", 0, value) || link >= (unsigned)atoi(value)) return INVALID;
    snprintf(key, sizeof key, "link.%u", link);
    *out = of_gpu(gpu, key, 0, value) ? (unsigned)atoi(value) : 1;
    return SUCCESS;
}
API int nvmlDeviceGetFieldValues(void *h, int number_of, field *fields) {
    char key[48], value[256];
    int gpu = gpu_of(h), status = begin("nvmlDeviceGetFieldValues", gpu, 1);
    for (int i = 0; !status && i < number_of; i++) {
        snprintf(key, sizeof key, "field.%u", fields[i].id);
        int known = of_gpu(gpu, key, 0, value);
        fields[i].kind = 3;
        fields[i].status = known ? SUCCESS : NOT_SUPPORTED;
        fields[i].value = known ? strtoull(value, NULL, 0) : 0;
    }
    return status;
}

/* processes and parts */
API int nvmlDeviceGetComputeRunningProcesses_v3(void *h, unsigned *size, process *out) {
    char value[256];
    int gpu = gpu_of(h), status = begin("nvmlDeviceGetComputeRunningProcesses_v3", gpu, 1);
    unsigned found = 0, room = *size;
    for (; !status && found < MOST_PROCESSES && of_gpu(gpu, "process", found, value); found++)
        if (out && found < room) {
            out[found] = (process){0, 0, ~0u, ~0u};
            if (sscanf(value, "%u %llu", &out[found].pid, &out[found].bytes) == 1) out[found].bytes = ~0ull;
        }
    if (status) return status;
    *size = found;
    return found > room ? SMALL : SUCCESS;
}
ABSENT(nvmlDeviceGetGraphicsRunningProcesses_v3) ABSENT(nvmlDeviceGetProcessUtilization)
API int nvmlDeviceGetMigMode(void *h, unsigned *current, unsigned *pending) {
    int status = small("nvmlDeviceGetMigMode", h, "mig", current);
    return status ? status : (*pending = *current, SUCCESS);
}
API int nvmlDeviceIsMigDeviceHandle(void *h, unsigned *out) { return *out = part_of(h) >= 0, SUCCESS; }
API int nvmlDeviceGetMaxMigDeviceCount(void *h, unsigned *out) { return *out = MOST_PARTS, begin("nvmlDeviceGetMaxMigDeviceCount", gpu_of(h), 1); }
API int nvmlDeviceGetMigDeviceHandleByIndex(void *h, unsigned index, void **out) {
    char value[256];
    int gpu = gpu_of(h), status = begin("nvmlDeviceGetMigDeviceHandleByIndex", gpu, 1);
    if (status) return status;
    return of_gpu(gpu, "part", index, value) ? (*out = &gpus[gpu + 1][index + 1], SUCCESS) : NOT_FOUND;
}

/* events */
API int nvmlEventSetCreate(void **out) {
    char value[256];
    int status = begin("nvmlEventSetCreate", 0, 0);
    if (status) return status;
    for (delivered = 0; find("event", delivered, value);) delivered++;
    return *out = calloc(MOST_GPUS, 1), SUCCESS;
}
API int nvmlEventSetFree(void *set) { return free(set), SUCCESS; }
API int nvmlDeviceRegisterEvents(void *h, u64 types, void *set) {
    int status = begin("nvmlDeviceRegisterEvents", gpu_of(h), 1);
    return status ? status : (((char *)set)[gpu_of(h)] |= (char)types, SUCCESS);
}
API int nvmlEventSetWait_v2(void *set, event *out, unsigned milliseconds) {
    char value[256];
    int gpu, status = begin("nvmlEventSetWait", 0, 0);
    (void)milliseconds;
    while (!status && find("event", delivered, value)) {
        delivered++;
        *out = (event){NULL, 0, 0, ~0u, ~0u};
        if (sscanf(value, "%d %llu %llu", &gpu, &out->type, &out->data) == 3 && ((char *)set)[gpu] & (char)out->type)
            return out->device = &gpus[gpu + 1][0], SUCCESS;
    }
    return status ? status : TIMEOUT;
}

/* what other clients ask for besides */
NUMBER(nvmlDeviceGetFanSpeed, "fan") NUMBER(nvmlDeviceGetPerformanceState, "pstate")
NUMBER(nvmlDeviceGetPersistenceMode, "persistence") NUMBER(nvmlDeviceGetComputeMode, "compute_mode")
NUMBER(nvmlDeviceGetDisplayActive, "display") NUMBER(nvmlDeviceGetDisplayMode, "display")
ABSENT(nvmlDeviceGetBAR1MemoryInfo) ABSENT(nvmlDeviceGetEccMode) ABSENT(nvmlDeviceGetEncoderUtilization)
ABSENT(nvmlDeviceGetDecoderUtilization) ABSENT(nvmlDeviceGetDriverModel_v2) ABSENT(nvmlDeviceGetCudaComputeCapability)
