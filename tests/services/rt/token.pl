# token.pl make NAME: a new token of that user, printed. token.pl revoke NAME: all tokens of that user are gone.
use strict; use warnings;
use lib '/usr/local/share/request-tracker5/lib', '/usr/share/request-tracker5/lib';
use RT; RT::LoadConfig(); RT::Init();
my ($act, $name) = @ARGV;
my $system = RT->SystemUser;
my $owner = RT::User->new($system);
$owner->Load($name);
die "no user $name\n" unless $owner->Id;

if ($act eq 'make') {
    my ($ok, $message, $token) = RT::AuthToken->new($system)->Create(Owner => $owner->Id, Description => 'tests');
    die "$message\n" unless $ok;
    print "$token\n";
} else {
    my $tokens = RT::AuthTokens->new($system);
    $tokens->LimitOwner(VALUE => $owner->Id);
    while (my $token = $tokens->Next) {
        my ($ok, $message) = $token->Delete;
        die "$message\n" unless $ok;
    }
}
