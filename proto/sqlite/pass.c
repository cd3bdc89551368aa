#include "proto/sqlite/pass.h"

sqlite3_file *pass_below(sqlite3_file *f)
{
    return ((struct pass_file *)f)->below;
}

int pass_lock(sqlite3_file *f, int level)
{
    return pass_below(f)->pMethods->xLock(pass_below(f), level);
}

int pass_unlock(sqlite3_file *f, int level)
{
    return pass_below(f)->pMethods->xUnlock(pass_below(f), level);
}

int pass_reserved(sqlite3_file *f, int *out)
{
    return pass_below(f)->pMethods->xCheckReservedLock(pass_below(f), out);
}

int pass_control(sqlite3_file *f, int op, void *arg)
{
    return pass_below(f)->pMethods->xFileControl(pass_below(f), op, arg);
}

int pass_sector(sqlite3_file *f)
{
    return pass_below(f)->pMethods->xSectorSize(pass_below(f));
}

int pass_traits(sqlite3_file *f)
{
    return pass_below(f)->pMethods->xDeviceCharacteristics(pass_below(f));
}
