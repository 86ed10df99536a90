"""BGP daemons behind one Speaker: apply(whole set), observe(), panic_withdraw(); a folder per daemon."""
