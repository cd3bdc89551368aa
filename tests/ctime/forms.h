/* A desk whose keys are secret, and what of a knock and of a frame their readers may branch on. */
#ifndef TESTS_CTIME_FORMS_H
#define TESTS_CTIME_FORMS_H

#include "tests/ctime/ctime.h"
#include "tests/unit/client/meeting.h"

/* Intake keys and the worker's key are secret, and so is all that conversations with it make up. The caller
 * frees. */
struct desk *secret_desk(void);

/* As publish_form. Everything of a knock but her secrets, the commitment and what she wrote: */
void publish_knock_form(uint8_t *plain, size_t len);
/* Everything of a frame but the secrets and the proof of an accept, nonces, and what was written. */
void publish_frame_form(uint8_t *plain, size_t len);

#endif
