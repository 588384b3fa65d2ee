# Request Tracker as a PSGI application. RT_TEST_LIB names a directory of overlays, RT_TEST_PLUGINS one of plugins.
use strict; use warnings;
use lib '/usr/local/share/request-tracker5/lib', '/usr/share/request-tracker5/lib';
use lib ($ENV{RT_TEST_LIB} || ());
use RT;
$RT::LocalPluginPath = $ENV{RT_TEST_PLUGINS} if $ENV{RT_TEST_PLUGINS};
RT::LoadConfig();
$RT::MasonSessionDir = $ENV{RT_TEST_SESSIONS} if $ENV{RT_TEST_SESSIONS};
RT->InitPluginPaths;
RT->InitLogging;
require RT::Interface::Web::Handler;
# The database need not outlive a power cut.
my $connect = \&RT::Handle::Connect;
{ no warnings 'redefine'; *RT::Handle::Connect = sub { my @made = $connect->(@_); $_[0]->dbh->do('PRAGMA synchronous = OFF'); @made } }
RT->Init(Heavy => 1);
# A connection made before the fork would be shared by all workers.
$RT::Handle->dbh(undef) if $RT::Handle;
RT::Interface::Web::Handler->PSGIApp;
