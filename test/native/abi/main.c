/* The played kernel against the numbers and structs of this system's own
 * linux/vfio.h, call by call. Runs with the library preloaded. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"

int failures, checks;

const char *command(const char *text) {
  static char answer[4096];
  static int control = -1;
  if (control < 0) control = open("/dev/vfio-play", O_RDWR | O_CLOEXEC);
  if (write(control, text, strlen(text)) < 0) abort();
  ssize_t size = read(control, answer, sizeof answer - 1);
  answer[size < 0 ? 0 : size] = '\0';
  if (strncmp(answer, "error", 5) == 0) failures++, printf("%s: %s", text, answer);
  return answer;
}

static void check(const char *name, void (*run)(void)) {
  command("reset");
  run();
  const char *counters = command("counters");
  if (strstr(counters, "{\"fds\":0,\"eventfds\":0,\"mappings\":0,\"dmaMappings\":0") == NULL)
    failures++, printf("%s leaves something open: %s", name, counters);
}

int main(void) {
  check("files", check_files);
  check("devices", check_devices);
  check("irqs", check_irqs);
  check("memory", check_memory);
  check("iommufd", check_iommufd);
  printf("%d checks, %d failures\n", checks, failures);
  return failures != 0;
}
